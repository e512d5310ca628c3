"""`mentor3ad train`: what it says of a run that went well."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.studies.repro import Repro, StageRun
from mentor3ad.studies.summaries import ModelSummary
from tests.paths import ROOT

TESTED = ModelSummary("nut", 76, 19, 2.5409, 0.05, 0.05, 0.93512, 0.9931, 1, 20, 3, 40)
FEW = ModelSummary("bolt", 19, 5, 3.1, 1 / 6, 0.05, None, None, 0, 6, 0, 0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    return tmp_path


def said(monkeypatch: pytest.MonkeyPatch, done: Repro, *models: ModelSummary) -> list[str]:
    monkeypatch.setattr("mentor3ad.studies.repro.repro", lambda folder, tell: done)
    monkeypatch.setattr("mentor3ad.studies.summaries.model_summaries", lambda root: iter(models))
    ended = CliRunner().invoke(app, ["train"], catch_exceptions=False)
    assert ended.exit_code == 0
    return [" ".join(line.split()) for line in ended.stdout.splitlines()]


def test_it_tells_what_ran_and_what_the_models_are(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = [
        StageRun("prepare", "nut", 4.2),
        StageRun("extract", "nut", 100.4),
        StageRun("prepare", "bolt", 3.1),
    ]
    lines = said(monkeypatch, Repro(ran, 1, 7, 131.0), TESTED, FEW)
    assert lines[0] == (
        "3 stages ran in 2 min 11 s (prepare 7 s, extract 1 min 40 s); 7 stages up to date, "
        "1 stage taken from the cache"
    )
    assert lines[3] == (
        "nut 76 learned from, 19 for the threshold 2.541 5.0% promised 0.935 0.993 "
        "1 of 20 good alarmed, 3 of 40 missed"
    )
    assert lines[4].endswith(
        "16.7% promised not known not known 0 of 6 good alarmed, 0 of 0 missed"
    )
    assert lines[5:] == [
        "bolt: 5 scans for the threshold cannot promise the 5.0% of voting.target_fpr, only 16.7%; "
        "`mentor3ad threshold` shows what each threshold of a bundle promises",
        "bolt: without a defective scan in the test nobody can tell how many defects are missed",
        f"each test scan is in {project}/reports/index.html; next: mentor3ad bundle",
    ]


def test_a_second_time_nothing_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said(monkeypatch, Repro([], 0, 10, 3.0), TESTED)
    assert lines[0] == "nothing had to run: 10 stages up to date"
    assert len(lines) == 5


def test_outside_of_a_project_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="make one with `mentor3ad new DIR --from SCANS`"):
        CliRunner().invoke(app, ["train"], catch_exceptions=False)


def test_a_mistake_in_the_params_is_told_before_anything_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "params.yaml"
    file.write_text(file.read_text().replace("target_fpr: 0.05", "target_fpr: 5"))
    with pytest.raises(ConfigError, match=r"voting\.target_fpr = 5"):
        said(monkeypatch, Repro())
