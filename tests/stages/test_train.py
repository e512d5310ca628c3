"""The training stages with features in memory and mapped from the disk: the same bytes."""

from pathlib import Path

import pytest

from mentor3ad.params.project import Project
from mentor3ad.params.schema import Params
from mentor3ad.training import data as training_data
from stages.train_mfm import train_mfm
from stages.train_mgm import train_mgm
from tests.stored import scan_features, store_features

CATEGORY = "rope"


@pytest.fixture
def small(params: Params) -> Params:
    content = params.model_dump()
    model = content["model"]
    model["whitening"]["components"] = 8
    model["mfm"] |= {"steps": 12, "scans": 2, "pixels": 16, "dim": 8, "hidden": 8}
    model["mgm"] |= {"steps": 12, "scans": 2, "pixels": 16, "hidden": 8}
    model["early_stop"]["every"] = 4
    content["runtime"]["device"] = "cpu"
    return Params(**content)


def with_memory(params: Params, memory_gb: float | None) -> Params:
    return params.model_copy(
        update={"runtime": params.runtime.model_copy(update={"memory_gb": memory_gb})}
    )


def trained(params: Params) -> dict[str, bytes]:
    train_mfm(params, CATEGORY)
    train_mgm(params, CATEGORY)
    places = (Project().mfm(CATEGORY), Project().mgm(CATEGORY))
    return {str(file): file.read_bytes() for place in places for file in place.iterdir()}


def test_modules_are_the_same_to_the_byte_and_no_file_stays(
    small: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_features(tmp_path, CATEGORY, [scan_features(seed) for seed in range(4)])
    monkeypatch.setattr("mentor3ad.fusion.training.SPACE_PIXELS", 200)  # its fit takes seconds
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    resident = trained(with_memory(small, None))
    assert not Path(".staging").exists()
    mapped, make = [], training_data.scratch_table
    monkeypatch.setattr(training_data, "scratch_table", lambda *a: mapped.append(a) or make(*a))
    assert trained(with_memory(small, 1e-6)) == resident
    assert len(mapped) == 2 * 2 * (4 + 2)  # stages, parts; tables and projected ones
    assert list(Path(".staging").iterdir()) == []
    assert len(resident) == 6
