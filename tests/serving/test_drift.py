"""Drift as a service tells it: charts over its history, alarms that are told once, and to whom."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")

from mentor3ad.cli.drift import DRIFT_CODE, drift
from mentor3ad.drift.limits import SLOT_S
from mentor3ad.drift.reference import SCORE, Known, Reference
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.serving.answers import DriftEvent, ScanResult
from mentor3ad.serving.drift import DriftWatch, values_of
from mentor3ad.serving.history import DATABASE, History

from .conftest import Running, eventually

VERSION, NEXT = "a" * 12, "b" * 12
LIGHT = tuple(np.linspace(6.9, 7.1, 30).tolist())
REFERENCE = Reference(
    {
        "brightness": Known(LIGHT, 30, 0.01, False),
        SCORE: Known(tuple(np.linspace(1, 2, 30).tolist()), 30, 0.01, False),
    }
)


def add(history: History, slot: int, light: float, **changed: Any) -> ScanResult:
    values: dict[str, Any] = {
        **{"seq": 0, "id": f"scan-{history.latest}", "recipe": "a", "category": "a"},
        **{"bundle": VERSION, "name": "n", "source": "upload", "time": slot * SLOT_S},
        **{"status": "good", "score": 1.5, "threshold": 2.0},
    }
    result = ScanResult(**values | changed)
    return history.add(result, "digest", history.incoming(), {"brightness": light})


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "history")
    made.set_reference(VERSION, REFERENCE)
    made.set_reference(NEXT, REFERENCE)
    return made


def darken(history: History, slots: range = range(60)) -> None:
    for slot in slots:
        add(history, slot, 6.0)


def followed(history: History) -> DriftWatch:
    """A watch that has taken all that is there."""
    watch = DriftWatch(history)
    watch.follow()
    return watch


def events(history: History) -> list[tuple[str, str]]:
    return [(one.chart, one.event) for one in history.events_after(0)]


def test_an_alarm_is_noted_once_also_across_restarts(history: History) -> None:
    watch = followed(history)
    darken(history)
    watch.follow()
    assert events(history) == [("brightness", "alarm")]
    assert watch.states[0].drift
    darken(history, range(60, 70))
    watch.follow()
    again = History(history.folder)
    DriftWatch(again).follow()
    assert events(again) == [("brightness", "alarm")]
    (event,) = again.events_after(0)
    assert event.scan < 40
    assert "the picture is too dark (now 63 of 255" in event.text


def test_it_is_cleared_after_an_hour_within_the_limits(history: History) -> None:
    watch = followed(history)
    darken(history)
    for slot in range(60, 200):
        add(history, slot, 7.0)
    watch.follow()
    watch.follow()
    assert events(history) == [("brightness", "alarm"), ("brightness", "cleared")]


def test_another_version_begins_anew(history: History) -> None:
    watch = followed(history)
    darken(history)
    watch.follow()
    add(history, 61, 6.0, bundle=NEXT)
    watch.follow()
    assert events(history)[-1] == ("brightness", "cleared")
    assert not watch.states[0].drift


@pytest.mark.parametrize(
    ("status", "mark", "counts"),
    [
        ("good", None, True),
        ("good", "ng", False),
        ("defective", None, False),
        ("defective", "ok", True),
        ("unlike training", "ok", False),
    ],
)
def test_only_scores_of_parts_that_are_good_count(
    history: History, status: str, mark: Any, counts: bool
) -> None:
    added = add(history, 0, 7.0, status=status)
    history.mark(added.seq, mark)
    (row,) = history.rows_after(0)
    assert (SCORE in values_of(row)) == counts
    assert values_of(row)["brightness"] == 7.0


def test_a_history_of_the_release_before_is_read_and_gone_on_with(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    darken(history, range(3))
    folder = history.folder
    history.close()
    with sqlite3.connect(folder / DATABASE) as database:
        database.executescript(
            "ALTER TABLE results DROP COLUMN measures; DROP TABLE models; DROP TABLE drift;"
            "PRAGMA user_version=1"
        )
    drift([folder])  # beside a service of that release
    assert f"version {VERSION} is not known" in capsys.readouterr().out
    again = History(folder)
    assert len(again.after(0)) == 3
    again.set_reference(VERSION, REFERENCE)
    darken(again, range(3, 63))
    DriftWatch(again).follow()
    assert events(again) == [("brightness", "alarm")]


def test_the_command_says_it_in_words_and_by_its_exit_code(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    for slot in range(20):
        add(history, slot, 7.0)
    drift([history.folder])
    assert f"a, version {VERSION}: no drift" in capsys.readouterr().out
    darken(history, range(20, 80))
    with pytest.raises(typer.Exit) as ended:
        drift([history.folder])
    assert ended.value.exit_code == DRIFT_CODE == 7
    assert "drift" in (said := capsys.readouterr().out)
    assert "mean brightness has fallen: the picture is too dark" in said
    with pytest.raises(typer.Exit):
        drift([history.folder], json=True)
    (line,) = capsys.readouterr().out.splitlines()
    charts = {one["name"]: one["state"] for one in json.loads(line)["charts"]}
    assert charts == {"brightness": "drift", SCORE: "in control"}


def test_the_command_takes_no_other_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a history of a service nor a bundle"):
        drift([tmp_path])


def test_a_bundle_shows_what_its_charts_compare_with(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drift([bundle])
    said = capsys.readouterr().out
    assert f"{bundle.name}, version " in said
    assert "good scans of the training" in said or "too few to tell drift" in said


class Ear:
    """Something that notes what a channel would tell."""

    def __init__(self) -> None:
        self.events: list[DriftEvent] = []


def test_a_service_charts_its_scans_and_tells_the_line(
    start: Callable[..., Running], test_scans: Path
) -> None:
    from mentor3ad.serving.line.channel import Channel

    ear = Ear()

    class Told(Channel):
        def deliver(self, result: ScanResult) -> None:
            pass

        def tell(self, event: DriftEvent) -> None:
            ear.events.append(event)

    one = start(attached=[Told("told")])
    one.inspect(test_scans / "good/rgb/000.png", test_scans / "good/xyz/000.tiff")
    eventually(lambda: one.client.get("/drift").json())
    (state,) = one.client.get("/drift").json()
    assert state["bundle"] == one.service.recipes.all()[0].version
    assert "brightness" in {chart["name"] for chart in state["charts"]}
    (row,) = one.service.history.rows_after(0)
    assert row.measures["brightness"] > 0
    text = one.client.get("/metrics").text
    assert f'mentor3ad_drift{{chart="brightness",recipe="{state["recipe"]}"}}' in text
    event = DriftEvent(
        **{"seq": 0, "recipe": "a", "bundle": "b", "chart": "x", "event": "alarm"},
        **{"scan": 1, "time": 0.0, "text": "x has risen"},
    )
    one.service.history.add_event(event)
    eventually(lambda: ear.events)
    assert ear.events[0].text == "x has risen"
