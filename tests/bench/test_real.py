"""The figures of real scans: a row a stage, with the scans that it worked on."""

import json
import shutil
from pathlib import Path

import pytest

from bench import real
from bench.processes import Usage
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import ConfigError
from testbed.clone import CATEGORY

USAGE = Usage(seconds=2.0, cpu_seconds=3.0, peak_rss=5_000_000, read=None, written=None)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tiny_project: Path) -> list[str]:
    """What was run; the outs are the tiny project's, which appear with the report."""
    names: list[str] = []

    def stage(name: str, folder: Path, *arguments: str) -> Usage:
        names.append(" ".join((name, *arguments)))
        if name == "report":
            shutil.copytree(tiny_project / "data", folder / "data")
            found = json.loads((tiny_project / f"data/eval/{CATEGORY}/metrics.json").read_text())
            (folder / "reports").mkdir()
            (folder / "reports/metrics.json").write_text(json.dumps({CATEGORY: found}))
        return USAGE

    def run(command: list[str], folder: Path) -> Usage:
        names.append(command[-1])
        return USAGE

    monkeypatch.setattr(real, "stage", stage)
    monkeypatch.setattr(real, "run", run)
    return names


def test_every_stage_has_a_row(ran: list[str], tiny_project: Path, tmp_path: Path) -> None:
    rows = real.measure(tiny_project / "data/demo", CATEGORY, "part", tmp_path)
    assert ran[0] == "validate"
    assert ran[1] == f"prepare --category {CATEGORY}"
    assert ran[-1] == "report"
    figures = {row.what: row.figures for row in rows}
    assert figures["extract, crop: part"] == {
        **{"scans": 10, "seconds": 2.0, "cpu_s": 3.0},
        **{"peak_rss_mb": 5.0, "s_a_scan": 0.2},
    }
    assert figures["train_mfm, crop: part"]["scans"] == 3
    assert "i_auroc" in figures["metrics, crop: part"]


def test_the_project_reads_the_scans_where_they_are(
    ran: list[str], tiny_project: Path, tmp_path: Path
) -> None:
    real.measure(tiny_project / "data/demo", CATEGORY, "part", tmp_path)
    data = load_params(tmp_path / "params.yaml").data
    assert (data.root, data.crop) == (str((tiny_project / "data/demo").resolve()), "part")
    assert list(data.categories) == [CATEGORY]


def test_a_crop_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--crop half: choose none or part"):
        real.main(tmp_path, CATEGORY, ["half"])
