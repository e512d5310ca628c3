"""What git knows of experiments, which DVC keeps as commits of their own under refs/exps."""

import re
import subprocess
from collections.abc import Iterable, Sequence

from ..plumbing.errors import ConfigError

WATCHED = (  # what results depend on: in a checkout, and in a project of `mentor3ad new`
    *("pipeline", "stages", ".mentor3ad"),
    *("params.yaml", "dvc.yaml", "dvc.lock"),
)
_FINISHED = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/.*-([0-9a-f]{12})")


def git(*arguments: str) -> str:
    """Run a git command and return what it prints.

    Raises:
        ConfigError: it fails, or there is no git.
    """
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise ConfigError("git is missing; DVC keeps experiments as git commits") from None
    except subprocess.CalledProcessError as error:
        reason = " ".join(error.stderr.split())
        raise ConfigError(f"git {' '.join(arguments)} failed: {reason}") from None
    return done.stdout


def check_committed() -> None:
    """Raise ConfigError where code or params differ from the last commit."""
    lines = git("status", "--porcelain", "--", *WATCHED).splitlines()
    if lines:
        names = [line[3:] for line in lines]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise ConfigError(
            f"uncommitted changes in {', '.join(names[:3])}{more}: experiments are compared with "
            "the last commit, so commit them first (git add, git commit)"
        )


def blob_ids(paths: Iterable[str], commit: str = "HEAD") -> dict[str, str]:
    """The ids of files and folders of a commit; those that it does not have are left out."""
    lines = git("ls-tree", commit, "--", *sorted(paths)).splitlines()
    entries = (line.split("\t") for line in lines)
    return {name: details.split()[2] for details, name in entries}


def file_at(commit: str, path: str) -> str | None:
    """The text of a file in a commit; None if the commit has no such file."""
    try:
        return git("show", f"{commit}:./{path}")
    except ConfigError:
        return None


def finished_experiments() -> dict[str, str]:
    """The commits of experiments, by the identity that an experiment's name ends with."""
    lines = git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    return _by_identity(line.split(" ", 1) for line in lines)


def _by_identity(references: Iterable[Sequence[str]]) -> dict[str, str]:
    found = {}
    for commit, name in references:
        if match := _FINISHED.fullmatch(name):
            found[match[1]] = commit
    return found
