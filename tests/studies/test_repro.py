"""`dvc repro` for people: what ran is counted, and a failure is one sentence."""

import os
import sys
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import TrainingError
from mentor3ad.studies.repro import Repro, repro

RAN = """
Verifying data sources in stage: 'x'
Stage 'generate@nut' didn't change, skipping
Running stage 'prepare@nut M6':
> exec python -m stages.prepare --category 'nut M6'
nut M6: train 3 good
Generating lock file 'dvc.lock'
Updating lock file 'dvc.lock'

Stage 'extract@nut M6' is cached - skipping run, checking out outputs
Running stage 'report':
> exec python -m stages.report
  Test metrics
To track the changes with git, run:

	git add dvc.lock

To enable auto staging, run:

	dvc config core.autostage true
Use `dvc push` to send your updates to remote storage.
"""


def pretend(folder: Path, out: str, err: str = "", code: int = 0) -> None:
    """Put a module in the folder that stands in for dvc, since the current folder comes first."""
    (folder / "dvc").mkdir()
    (folder / "dvc/__init__.py").touch()
    (folder / "dvc/__main__.py").write_text(
        f"import sys\nprint({out!r}, end='', flush=True)\n"
        f"print({err!r}, end='', file=sys.stderr, flush=True)\nsys.exit({code})\n"
    )


def run(folder: Path) -> tuple[Repro, list[str]]:
    told: list[str] = []
    return repro(folder, told.append), told


def test_it_counts_what_ran_and_drops_what_is_dvcs_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pretend(
        tmp_path, RAN, "prepare: category nut M6, seconds 1.2, memory_mb 80, scans 3\nmind it\n"
    )
    done, told = run(tmp_path)
    assert told == ["prepare nut M6", "  nut M6: train 3 good", "report"]
    assert [(one.stage, one.category) for one in done.ran] == [
        ("prepare", "nut M6"),
        ("report", ""),
    ]
    assert (done.unchanged, done.restored) == (1, 1)
    assert capfd.readouterr().err == "mind it\n"


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        (
            "Running stage 'extract@nut':\n",
            "error: 1.png is damaged: copy it again.\nERROR: failed to reproduce 'extract@nut': "
            "failed to run: exec python -m stages.extract, exited with 1\n",
            "extract of nut stopped: 1.png is damaged: copy it again; `mentor3ad train` goes on "
            "there",
        ),
        (
            "Running stage 'extract@nut':\n",
            "\x1b[31mERROR\x1b[39m: failed to reproduce 'extract@nut': failed to run: exec python, "
            "exited with -9\n",
            "extract of nut stopped: the system ended it, as it does where memory is short: end "
            "other programs, or lower runtime.workers, runtime.memory_gb or features.shard; "
            "`mentor3ad train` goes on there",
        ),
        ("", "ERROR: Unable to acquire lock\n", "Unable to acquire lock"),
        ("", "", "dvc ended with exit code 3"),
    ],
)
def test_a_failure_is_one_sentence(
    out: str, err: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pretend(tmp_path, out, err, code=3)
    with pytest.raises(TrainingError) as caught:
        run(tmp_path)
    assert str(caught.value) == said
    assert capfd.readouterr().err == ""


def test_on_a_terminal_the_stages_have_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that they draw their progress bars."""
    pretend(tmp_path, "")
    (tmp_path / "dvc/__main__.py").write_text(
        "import sys\nprint(sys.stderr.isatty(), sys.stdout.isatty())\n"
        "print('half\\rwhole\\n', end='', file=sys.stderr)\n"
    )
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        _, told = run(tmp_path)
    assert told == ["  True False"]
    assert os.read(ours, 100).replace(b"\r\n", b"\n") == b"half\rwhole\n"
    os.close(ours)
