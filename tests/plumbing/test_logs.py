"""Log lines: for people, and one JSON object each for a collector."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from mentor3ad.plumbing import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = logs.LOGGER.handlers
    yield
    logs.LOGGER.handlers = before


def line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str) -> str:
    monkeypatch.setenv(logs.VARIABLE, form)
    logs.configure_logging()
    logs.log_event("train_mfm", {"category": "Süß", "scans": 3, "loss": 0.123456, "none": None})
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_people_read_short_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = line(monkeypatch, capsys, "text")
    assert said == "train_mfm: category Süß, scans 3, loss 0.1235\n"


def test_a_collector_reads_one_object_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = line(monkeypatch, capsys, "json")
    assert said.count("\n") == 1
    content = json.loads(said)
    assert datetime.fromisoformat(content.pop("time")).utcoffset() is not None
    assert content == {
        "level": "INFO",
        "event": "train_mfm",
        "category": "Süß",
        "scans": 3,
        "loss": 0.123456,
        "none": None,
    }


def test_a_stage_that_fails_has_no_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.VARIABLE, "json")
    logs.configure_logging()

    def stage() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        logs.logged_stage("vote", stage, "rope")
    assert capsys.readouterr().err == ""
    logs.logged_stage("vote", lambda: {"scans": 2}, "rope")
    content = json.loads(capsys.readouterr().err)
    assert (content["event"], content["category"], content["scans"]) == ("vote", "rope", 2)
    assert content["seconds"] >= 0
    assert content["memory_mb"] > 10
