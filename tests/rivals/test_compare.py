"""The rivals on a tiny project: what the stage writes, twice the same, scan by scan."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mentor3ad.dataset.manifest import Manifest
from mentor3ad.params.project import Project
from mentor3ad.params.schema import Params, load_params
from mentor3ad.rivals.compare import Comparison
from mentor3ad.rivals.methods import FITS
from mentor3ad.seals.document import read_document
from stages.rivals import RIVALS, rivals
from testbed.clone import CATEGORY

METHODS = ["cfm", "nearest", "btf", "gaussian"]
HEADLINE = ("i_auroc", "p_auroc", "aupro_30", "aupro_1")


def with_rivals(root: Path, methods: list[str]) -> Params:
    params = load_params(root / "params.yaml")
    small = params.rivals.model_copy(
        update={
            "methods": methods,
            "cfm": params.rivals.cfm.model_copy(update={"steps": 3, "hidden": 16}),
            "coreset": params.rivals.coreset.model_copy(update={"candidates": 200}),
            "nearest": params.rivals.nearest.model_copy(update={"components": 8}),
            "gaussian": params.rivals.gaussian.model_copy(update={"components": 8}),
        }
    )
    data = params.data.model_copy(update={"root": str(root / params.data.root)})
    return params.model_copy(update={"rivals": small, "data": data})


@pytest.fixture(scope="module")
def comparison(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    place = Project(tiny_project)
    return Comparison(
        with_rivals(tiny_project, METHODS),
        CATEGORY,
        place.prepared(CATEGORY),
        place.features(CATEGORY),
        tmp_path_factory.mktemp("scratch"),
        torch.device("cpu"),
    )


@pytest.mark.parametrize(
    ("name", "maps"),
    [
        ("cfm", ["rgb", "xyz", "joined"]),
        ("nearest", ["rgb", "xyz", "joined"]),
        ("btf", ["fpfh", "joined"]),
        ("gaussian", ["rgb", "xyz", "joined"]),
    ],
)
def test_every_map_of_a_rival_is_rated(comparison: Comparison, name: str, maps: list[str]) -> None:
    rated = comparison.rate(name)  # type: ignore[arg-type]
    assert list(rated.content["maps"]) == maps
    for metrics in rated.content["maps"].values():
        assert all(0 <= metrics[key] <= 1 for key in HEADLINE)
        assert (metrics["n_good"], metrics["n_defect"]) == (2, 3)
        assert metrics["decisions"]["misses"] <= 3
    assert rated.content["bytes"] > 0
    assert rated.fit_seconds > 0
    assert rated.scan_ms > 0


@pytest.mark.parametrize("name", METHODS)
def test_a_rival_says_the_same_of_a_scan_each_time(comparison: Comparison, name: str) -> None:
    fits = [FITS[name](comparison.train, comparison.params, CATEGORY) for _ in range(2)]  # type: ignore[index]
    scan = comparison.scan(6)
    first, second = (rival.scores(scan, 0) for rival in fits)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (len(fits[0].maps), len(scan.features.foreground[0]))
    assert np.isfinite(first).all()
    assert (first >= 0).all()


def test_a_good_training_scan_is_nearer_than_a_defective_one(comparison: Comparison) -> None:
    """Its own features are in the memory."""
    params = comparison.params
    rival = FITS["nearest"](comparison.train, params, CATEGORY)
    trained = rival.scores(comparison.train, 0)
    rows = Manifest.load(Project(Path(params.data.root).parents[1]).prepared(CATEGORY)).rows
    defective = next(i for i, row in enumerate(rows) if row.label)
    assert np.median(trained) < np.median(rival.scores(comparison.scan(defective), 0))


def test_the_stage_writes_the_same_bytes_twice(
    tiny_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = with_rivals(tiny_project, ["gaussian", "nearest"])
    monkeypatch.chdir(tmp_path)
    for name in ("prepared", "features"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(tiny_project / "data" / name)
    out = Project().rivals(CATEGORY)
    figures = rivals(params, CATEGORY)
    first = out.read_bytes()
    rivals(params, CATEGORY)
    assert out.read_bytes() == first
    sealed, content = read_document(out, RIVALS, CATEGORY)
    assert list(content) == ["gaussian", "nearest"]
    assert set(sealed.seal.made_from) == {"prepared", "features"}
    assert {"gaussian_fit_s", "gaussian_scan_ms"} <= set(figures)


def test_without_methods_the_stage_reads_nothing_and_writes_an_empty_object(
    tiny_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rivals(with_rivals(tiny_project, []), CATEGORY)
    sealed, content = read_document(Project().rivals(CATEGORY), RIVALS, CATEGORY)
    assert (content, sealed.seal.made_from) == ({}, {})
