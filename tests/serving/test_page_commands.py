"""Each command of the pages on the service, the station and drift, short of running for ever."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")
pytest.importorskip("paho.mqtt", reason="the extra line is not installed")
pytest.importorskip("asyncua", reason="the extra line is not installed")

from mentor3ad.cli.main import app
from mentor3ad.inspection.inspector import Inspector
from tests.page_commands import commands
from tests.paths import ROOT

from .conftest import Running

PAGES = ("service.md", "station.md", "drift.md")
FOUND = [one.text for page in PAGES for one in commands(ROOT / "docs" / page) if one.text.strip()]
INSTALLS = [text for text in FOUND if text.startswith("pip install")]
BENCHES = [text for text in FOUND if text.startswith("python -m bench")]


def of(*starts: str) -> list[str]:
    return [text for text in FOUND if _bare(text).startswith(starts)]


def _bare(text: str) -> str:
    """Without what it sets in the environment."""
    return re.sub(r"^(\w+=\S+ )+", "", text)


SERVE, PREDICT, CURL = of("mentor3ad serve"), of("mentor3ad predict"), of("curl ")
READ = of("mentor3ad feedback", "mentor3ad drift")


def test_there_is_no_command_that_nothing_here_runs() -> None:
    assert set(FOUND) == {*SERVE, *PREDICT, *CURL, *READ, *INSTALLS, *BENCHES}
    assert len(SERVE) >= 5
    assert len(READ) >= 2


@pytest.mark.parametrize("text", SERVE)
def test_serve_is_given_what_the_page_says(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import mentor3ad.serving.server
    import mentor3ad.serving.service

    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(mentor3ad.serving.service, "Service", lambda *given: made.append(given))
    monkeypatch.setattr(mentor3ad.serving.server, "serve", lambda service: None)
    ended = CliRunner().invoke(app, shlex.split(_bare(text))[1:], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    ((places, _, attached),) = made
    assert places == [Path("models")]
    options = re.findall(r"--(?:watch|webhook|mqtt|opcua)\b", text)
    assert len(attached) == len(options)
    for one in attached:
        if hasattr(one, "close"):
            one.close()


@pytest.mark.parametrize("text", PREDICT)
def test_predict_watches_what_the_page_says(
    text: str, inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(Inspector, "load", lambda *_: inspector)
    watch = "mentor3ad.inspection.run.watch"
    monkeypatch.setattr(watch, lambda _, folder, *__: seen.append(folder))
    monkeypatch.chdir(tmp_path)
    words = [word.replace("/srv", str(tmp_path / "srv")) for word in shlex.split(text)[1:]]
    Path(words[1]).mkdir(parents=True)
    ended = CliRunner().invoke(app, words, catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    assert seen == [Path(words[1])]


@pytest.fixture
def one(start: Callable[..., Running], test_scans: Path) -> Running:
    """A service at whose root `rgb/000.png` lies, with a history in the folder `history`."""
    return start(root=test_scans / "good")


def test_curl_sends_scans(one: Running, test_scans: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    assert len(CURL) == 2
    for text in CURL:
        words = shlex.split(text.replace("http://127.0.0.1:8321", one.address))
        words[1:1] = ["--silent", "--show-error", "--noproxy", "*"]
        done = subprocess.run(words, cwd=test_scans / "good", capture_output=True, text=True)
        if "--json: is unknown" in done.stderr:
            continue  # a curl from before 2022
        assert '"status":"' in done.stdout, done.stderr
    assert one.service.history.by_id("part-17") is not None


def test_what_reads_the_history_ends_well(
    one: Running, test_scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = one.inspect(test_scans / "good/rgb/000.png", test_scans / "good/xyz/000.tiff").json()
    one.client.put(f"/scans/{found['seq']}/mark", json={"mark": "ok"})
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / "history").is_dir()
    for text in READ:
        ended = CliRunner().invoke(app, shlex.split(text)[1:], catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
    assert [p.name for p in (tmp_path / "feedback").rglob("*.png")] == ["000001.png"]
