"""Which params an experiment has from the workspace, though nobody named them."""

import logging
import subprocess
from pathlib import Path

import pytest

from mentor3ad.plumbing.logs import LOGGER
from mentor3ad.revisions import settings
from mentor3ad.revisions.settings import (
    BASELINE,
    Difference,
    differences,
    is_named,
    named_keys,
    warn_of_unnamed,
)

COMMITTED = "model:\n  lr: 0.003\nvoting:\n  rule: calibrated\nruntime:\n  threads:\n"
CHANGED = "model:\n  lr: 0.001\nvoting:\n  rule: paper\nruntime:\n  threads: 2\n"
DVC = ["python", "-m", "dvc", "exp", "run"]


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["-S", "model.lr=1e-3"], {"model.lr"}),
        (["-Smodel.lr=1"], {"model.lr"}),
        (["--set-param", "params.yaml:voting.rule=paper"], {"voting.rule"}),
        (["--set-param=voting.levels=[[1,1,0]]", "-S", "+model.x=1"], {"voting.levels", "model.x"}),
        (["-S", "model.mfm={steps: 3}"], {"model.mfm"}),
        (["--temp", "-n", "S"], set()),
    ],
)
def test_the_keys_that_a_command_names(words: list[str], keys: set[str]) -> None:
    assert named_keys([*DVC, *words]) == keys


def test_a_section_names_what_it_holds() -> None:
    assert is_named("model.mfm.steps", ["model.mfm"])
    assert not is_named("model.mfm_steps", ["model.mfm"])


def test_a_difference_has_both_values_and_runtime_makes_none() -> None:
    found = differences({"a": {"b": 1, "c": [1]}, "runtime": {"x": 1}}, {"a": {"b": 2, "c": [1]}})
    assert found == [Difference("a.b", 1, 2)]
    assert str(found[0]) == "a.b = 2 (not 1)"


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A commit with other params than the workspace, in a stage of an experiment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(COMMITTED)
    person = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "base"]):
        subprocess.run(["git", *words], check=True)
    (tmp_path / "params.yaml").write_text(CHANGED)
    monkeypatch.setenv(BASELINE, "HEAD")
    return tmp_path


def warnings_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *words: str
) -> list[str]:
    monkeypatch.setattr(settings, "_command_line", lambda pid: [*DVC, *words])
    monkeypatch.setattr(LOGGER, "propagate", True)
    with caplog.at_level(logging.WARNING):
        warn_of_unnamed()
    return list(dict.fromkeys(caplog.messages))  # a handler of another test's may see it too


def test_what_the_command_does_not_name_is_warned_of(
    experiment: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (said,) = warnings_of(monkeypatch, caplog, "-S", "model.lr=1e-3")
    assert "voting.rule = paper (not calibrated)" in said
    assert "model.lr =" not in said
    assert "runtime" not in said


@pytest.mark.parametrize("words", [["-S", "model.lr=1", "-S", "voting.rule=paper"], []])
def test_nothing_is_said_where_all_is_named_or_nothing_is_set(
    experiment: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    words: list[str],
) -> None:
    assert warnings_of(monkeypatch, caplog, *words) == []


def test_nothing_is_said_outside_an_experiment(
    experiment: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(BASELINE)
    assert warnings_of(monkeypatch, caplog, "-S", "model.lr=1e-3") == []
