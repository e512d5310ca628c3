"""What the machine refuses is one sentence with the file and the remedy, in every command."""

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import CacheError, one_sentence
from mentor3ad.plumbing.system import system_sentence
from tests.paths import ROOT
from tests.tiny_project import write_params


def error_of(number: int, *names: str) -> OSError:
    return OSError(
        number, os.strerror(number), *names[:1], *([None, names[1]] if names[1:] else [])
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space is left on the disk, at out/a: free some and run this again"),
        (errno.EIO, "the disk, or the network drive, failed to read or write, at out/a: look for"),
        (errno.EROFS, "the file system is read-only, at out/a: make it writable, or work in"),
        (errno.EACCES, "this user has no permission, at out/a: give it the right"),
        (errno.EMFILE, "too many files are open, at out/a: raise the limit (`ulimit -n 4096`)"),
        (errno.ENOENT, "no such file or directory, at out/a: if nothing else removed"),
        (errno.ENOTEMPTY, "directory not empty, at out/a: if nothing else removed"),
    ],
)
def test_the_sentence_names_the_reason_the_file_and_the_remedy(number: int, words: str) -> None:
    assert str(system_sentence(error_of(number, "out/a"))).startswith(words)


def test_both_files_of_a_rename_are_named() -> None:
    assert ", at out/a to out/b: " in str(system_sentence(error_of(errno.EIO, "out/a", "out/b")))


class SafetensorError(Exception):
    """As the library's, which is made outside of Python."""


@pytest.mark.parametrize(
    "error",
    [
        OSError("131072 requested and 4096 written"),
        SafetensorError('I/O error: IoError(Os { code: 28, kind: StorageFull, message: "No" })'),
    ],
)
def test_a_full_disk_is_known_in_the_words_of_libraries(error: Exception) -> None:
    assert str(system_sentence(error)).startswith("no space is left on the disk")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 8 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    ],
)
def test_short_memory_is_one_sentence(error: Exception) -> None:
    assert str(system_sentence(error)).startswith("the memory does not suffice: end other")


@pytest.mark.parametrize("bug", [ValueError("bug"), KeyError("bug"), RuntimeError("bug")])
def test_a_bug_of_ours_is_none_of_the_machines(bug: Exception) -> None:
    assert system_sentence(bug) is None


def read(path: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))  # as reading does: it names no file


def test_where_the_system_names_no_file_the_one_at_work_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output") as caught:
        read(tmp_path / "scan")
    assert f", while at work on {tmp_path / 'scan'}: " in str(system_sentence(caught.value))


def refuse(number: int) -> None:
    try:
        raise error_of(number, "data/points.npy")
    except OSError:
        raise CacheError("data/points.npy is damaged: delete it") from None


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EMFILE, "error: too many files are open"), (errno.ENOENT, "error: data/points.npy is")],
)
def test_a_whole_file_is_not_called_damaged(
    number: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, one_sentence():
        refuse(number)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(words)


def test_the_traceback_is_kept_for_who_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENTOR3AD_DEBUG", "1")
    with pytest.raises(SystemExit), one_sentence():
        read(Path("scan"))
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.splitlines()[-1].startswith("error: the disk")


def run(
    folder: Path, *command: str, limits: Callable[[], None] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        preexec_fn=limits,
        capture_output=True,
        text=True,
    )


def no_writing() -> None:
    """As a full disk: no file can be longer than nothing."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_params(tmp_path, {})
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/best.json").write_text("{}\n")
    return tmp_path


CLI = ("-m", "mentor3ad.cli")


@pytest.mark.parametrize(
    "command",
    [
        (*CLI, "use", "mvtec3d", "--root", "data", "--categories", "rope"),
        (*CLI, "new", "plant"),
        (*CLI, "validate", "--root", "data", "--categories", "rope", "--json", "found.json"),
        ("-m", "stages.generate", "--category", "biscuit"),
    ],
)
def test_a_disk_that_takes_nothing_is_one_sentence(project: Path, command: tuple[str, ...]) -> None:
    (project / "data/rope/train/good/rgb").mkdir(parents=True)
    before = sorted(project.rglob("*"))
    params = (project / "params.yaml").read_bytes()
    done = run(project, *command, limits=no_writing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    assert (project / "params.yaml").read_bytes() == params
    locks = {".staging", "stages", "generate@biscuit.lock", "demo"}
    assert [p for p in project.rglob("*") if p not in before and p.name not in locks] == []


NO_FILES = """
import resource, sys
from stages.prepare import prepare
from stages.runner import run_category
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
run_category(prepare)
"""


def test_too_few_files_are_one_sentence(project: Path) -> None:
    done = run(project, "-c", NO_FILES, "--category", "biscuit")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: too many files are open, at ")
    assert done.stderr.count("\n") == 1


def test_a_full_standard_output_is_one_sentence(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, *CLI, "use"],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: no space is left on the disk")


def test_a_reader_that_leaves_early_is_no_error(project: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, *CLI, "use"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


INTERRUPTED = """
from stages.runner import run
def stage(params):
    raise KeyboardInterrupt
run(stage)
"""


def test_an_interrupt_is_one_line(project: Path) -> None:
    done = run(project, "-c", INTERRUPTED)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_the_json_log_has_the_traceback(project: Path) -> None:
    script = INTERRUPTED.replace("KeyboardInterrupt", "FileNotFoundError(2, 'No', 'gone')")
    done = run(project, "-c", script, MENTOR3AD_LOG="json")
    logged, sentence = done.stderr.splitlines()
    assert sentence.startswith("error: no, at gone: if nothing else removed")
    line = json.loads(logged)
    assert (line["level"], line["error"]) == ("ERROR", "FileNotFoundError")
    assert "in stage" in line["traceback"]
