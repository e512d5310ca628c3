"""Which commit and experiment a report is of."""

import subprocess
from pathlib import Path

import pytest

from mentor3ad.report.origin import Origin, find_origin

WHO = {"GIT_AUTHOR_DATE": "2026-01-31T12:00:00+0000", "GIT_COMMITTER_DATE": "2026-02-01T00:00:00"}


def git(*arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", *names, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit of a project in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    git("init", "-q")
    Path("params.yaml").write_text("a: 1\n")
    Path("dvc.lock").write_text("")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    return git("rev-parse", "HEAD")


def test_a_commit_as_it_is(commit: str) -> None:
    assert find_origin({}) == Origin(commit[:12], "2026-01-31", False, None)


def test_changed_params_are_told_and_a_new_lock_is_not(commit: str) -> None:
    Path("dvc.lock").write_text("b")
    assert not find_origin({}).changed
    Path("params.yaml").write_text("a: 2\n")
    assert find_origin({}).changed


def test_an_experiment_has_a_name_and_the_commit_that_it_began_at(commit: str) -> None:
    Path("params.yaml").write_text("a: 2\n")
    git("commit", "-q", "-a", "-m", "two")
    found = find_origin({"DVC_EXP_NAME": "lofty-hoof", "DVC_EXP_BASELINE_REV": commit})
    assert found == Origin(commit[:12], "2026-01-31", True, "lofty-hoof")


def test_without_git_there_is_no_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert find_origin({}) is None
