"""What killed processes leave is found, told in one line, and mended where that is safe."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mentor3ad.doctor.leftovers import check_rwlock, find_leftovers
from mentor3ad.doctor.running import find_orphans
from mentor3ad.plumbing.errors import ConfigError

SLEEP = "import time; print('awake', flush=True); time.sleep(60)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in (".dvc/tmp", ".staging", "data/eval", "reports", ".git"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@contextmanager
def process(folder: Path, *command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout
        assert started.stdout.readline() == "awake\n"
        yield started
        started.kill()


def found(root: Path) -> list[str]:
    return [ailment.what for ailment in find_leftovers(root)]


def mend(root: Path) -> None:
    for ailment in list(find_leftovers(root)):
        if ailment.mend:
            ailment.mend()


def test_a_sound_project_has_none(root: Path) -> None:
    (root / ".dvc/tmp/rwlock").write_text('{"write": {}, "read": {}}')
    (root / ".staging/rope-scores-0123/store").mkdir(parents=True)  # of today: it may go on
    assert found(root) == []
    check_rwlock(root)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"write": {"/out": {}}}', "[" * 20_000, "\ud800"]
)
def test_a_torn_rwlock(root: Path, content: str) -> None:
    path = root / ".dvc/tmp/rwlock"
    path.write_text(content, errors="surrogatepass")
    (what,) = found(root)
    assert what.startswith(f"{path} is empty or damaged by a dvc that was killed")
    with pytest.raises(ConfigError, match="mentor3ad doctor --fix"):
        check_rwlock(root)
    mend(root)
    assert not path.exists()
    assert found(root) == []


def test_a_rwlock_is_not_touched_while_a_dvc_runs(root: Path) -> None:
    (root / "dvc").write_text(SLEEP)
    (root / ".dvc/tmp/rwlock").write_text("")
    with process(root, sys.executable, "dvc"):
        mend(root)
    assert (root / ".dvc/tmp/rwlock").exists()


def test_a_process_that_took_the_id_of_a_killed_dvc(root: Path) -> None:
    note = {"write": {"/out": {"pid": os.getpid(), "cmd": "dvc repro"}}, "read": {}}
    (root / ".dvc/tmp/rwlock").write_text(json.dumps(note))
    (what,) = found(root)
    assert f"names process {os.getpid()}, which is no dvc any more" in what


def age(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    for one in (*path.rglob("*"), path):
        os.utime(one, (then, then))


def test_an_old_unfinished_store_and_none_that_a_stage_has(root: Path) -> None:
    for name in ("rope-scores-0123", "rope-features-0123"):
        (root / ".staging" / name / "store").mkdir(parents=True)
        (root / ".staging" / name / "lock").touch()
    (root / ".staging/rope-snapshots").mkdir()
    age(root / ".staging", days=9)
    assert [what.split(" is ")[0] for what in found(root)] == [
        str(root / ".staging/rope-features-0123"),
        str(root / ".staging/rope-scores-0123"),
    ]
    with (root / ".staging/rope-scores-0123/lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        mend(root)
    assert sorted(path.name for path in (root / ".staging").iterdir()) == [
        "rope-scores-0123",
        "rope-snapshots",
    ]


def test_the_folders_of_killed_stages_and_experiments(root: Path) -> None:
    partial = root / "data/eval/.rope.abc.partial"
    experiment = root / ".dvc/tmp/exps/standalone/tmpabc"
    for folder in (partial, experiment):
        folder.mkdir(parents=True)
    assert [what.split(" is ")[0] for what in found(root)] == [str(partial), str(experiment)]
    mend(root)
    assert found(root) == []
    assert not partial.exists()
    assert not experiment.exists()


def test_gits_lock_is_told_and_left(root: Path) -> None:
    (root / ".git/index.lock").touch()
    assert found(root) == []
    age(root / ".git/index.lock", days=1)
    (what,) = found(root)
    assert "left by a git that was killed" in what
    mend(root)
    assert (root / ".git/index.lock").exists()


def test_an_orphaned_stage_is_ended_and_one_run_by_hand_is_not(root: Path) -> None:
    (root / "stages").mkdir()
    (root / "stages/vote.py").write_text(SLEEP)
    command = (sys.executable, "-m", "stages.vote", "--category", "rope")
    with process(root, *command) as by_hand, process(root, *command, DVC_STAGE="vote") as orphan:
        (ailment,) = find_orphans(root)
        assert ailment.what.startswith(
            f"process {orphan.pid} runs stages.vote --category rope, though the dvc"
        )
        assert ailment.mend
        ailment.mend()
        assert orphan.wait(10) != 0
        assert by_hand.poll() is None
        assert list(find_orphans(root)) == []
