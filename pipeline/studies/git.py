"""What git knows of experiments, which DVC keeps as commits of their own under refs/exps."""

import re
from collections.abc import Iterable, Sequence

from ..plumbing.errors import ConfigError
from ..revisions.git import git

WATCHED = (  # what results depend on: in a checkout, and in a project of `mentor3ad new`
    *("pipeline", "stages", ".mentor3ad"),
    *("params.yaml", "dvc.yaml", "dvc.lock"),
)
_FINISHED = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/.*-([0-9a-f]{12})")


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
