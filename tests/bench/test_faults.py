"""The fault campaign: it sees what is bad, and a part of it finds nothing bad here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.faults import fuzz
from bench.faults.page import Run, with_tables
from bench.faults.project import Base
from bench.faults.tally import HARMLESS, REFUSED, SILENT, Tally
from testbed.clone import Project
from tests.paths import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, signals and LD_PRELOAD")

ENDS = """
import json, os, sys
from pathlib import Path
from bench.faults.forked import Command, run

here = Path(sys.argv[1])
ended = run(Command("end"), here, limit_s=2.0, memory=200 * 2**20)
print(json.dumps({"fault": ended.fault and ended.fault.name, "text": ended.text}))
"""


PARSERS = """
import sys, time
from bench.faults import fuzz
def good(path): path.read_bytes()
def raises(path): 1 / 0
def sleeps(path): time.sleep(30)
fuzz.parser = lambda name: {}
fuzz.main()
"""

PART = ("hostile", "kills", "--trials", "10")


@pytest.fixture
def tally() -> Tally:
    made = Tally()
    made.add("one", REFUSED)
    made.add("one", SILENT, "the file")
    made.add("two", HARMLESS)
    return made


def test_bad_verdicts_are_counted_and_shown(tally: Tally) -> None:
    assert (tally.trials, tally.bad) == (3, 1)
    assert tally.to_json()["examples"] == {"one: silent change": ["the file"]}


def test_the_page_takes_a_runs_table_between_its_marks(tally: Tally) -> None:
    run = {"command": "x", "trials": 3, "seconds": 61, **tally.to_json()}
    page = "a\n<!-- kills: start -->\nold\n<!-- kills: end -->\nb\n"
    lines = with_tables(page, {"kills": run}).splitlines()
    assert lines[:2] == ["a", "<!-- kills: start -->"]
    assert "| what | trials | refused | silent change | no effect |" in lines
    assert "| all | 3 | 1 | 1 | 1 |" in lines
    assert "old" not in lines
    assert lines[-2:] == ["<!-- kills: end -->", "b"]


def test_a_runs_command_names_all_that_chose_its_faults(tally: Tally) -> None:
    run = Run("calls", 9, 3, 1.5, tally, 60.0, only=("prepare", "bundle"))
    assert run.to_json()["command"] == (
        "python -m bench.faults calls --trials 9 --seed 3 --minutes 1.5 --only prepare bundle"
    )


@pytest.mark.parametrize(("only", "tried"), [((), True), (("vote",), False), (("bundle",), True)])
def test_only_what_is_named_is_tried(only: tuple[str, ...], tried: bool) -> None:
    project = Project(ROOT, {})
    assert Base(project, ROOT, only).tries("bundle") is tried


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("print('fine')", None),
        ("import sys; sys.exit('error: the file x is missing')", "refused"),
        ("1 / 0", "traceback"),
        ("import time; time.sleep(60)", "hung"),
        ("import os; os.abort()", "crashed"),
        ("x = bytes(1 << 30)", "traceback"),  # MemoryError
    ],
)
def test_the_end_of_a_command_is_told(tmp_path: Path, script: str, fault: str | None) -> None:
    (tmp_path / "end.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    done = subprocess.run(
        [sys.executable, "-c", ENDS, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["fault"] == fault


@pytest.mark.parametrize(
    ("parser", "fault"), [("good", None), ("raises", "traceback"), ("sleeps", "hung")]
)
def test_what_a_parser_does_to_an_input_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parser: str, fault: str | None
) -> None:
    """By libFuzzer's exit codes; the input is kept."""
    pytest.importorskip("atheris", reason="the extra fuzz is not installed")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/one").write_bytes(b"x")
    monkeypatch.setattr(fuzz, "CODE", ("-c", PARSERS.format(parser)))
    monkeypatch.setattr(fuzz, "INPUT_S", 1)
    inputs, verdict, _ = fuzz.fuzz_parser(
        "ply", tmp_path / "corpus", tmp_path / "kept", "-runs=100", 1
    )
    assert (verdict and verdict.name) == fault
    assert inputs >= 99 if fault is None else inputs < 100
    assert bool(list((tmp_path / "kept").iterdir())) == bool(fault)


@pytest.mark.e2e
def test_a_part_of_the_campaign_breaks_no_promise(tmp_path: Path) -> None:
    """Some faults of each quick kind; docs/reliability.md has the commands of the whole."""
    command = [sys.executable, "-m", "bench.faults", *PART, "--folder", str(tmp_path / "faults")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    subprocess.run(["rm", "-rf", str(tmp_path / "faults")], check=True)  # of any depth
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert done.stdout.count("| all |") == 2
