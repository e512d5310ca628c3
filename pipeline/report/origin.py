"""Which commit and which experiment a report is of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..plumbing.errors import ConfigError
from ..revisions.git import git

MADE_BY = ("pipeline", "stages", ".mentor3ad", "params.yaml", "dvc.yaml")
SHORT = 12  # characters of a commit


@dataclass(frozen=True)
class Origin:
    """The commit that a report was made on top of.

    Attributes:
        commit: its first 12 characters.
        date: its author's, YYYY-MM-DD.
        changed: whether code or params differed from it.
        experiment: the name that DVC gave; None: `dvc repro`.
    """

    commit: str
    date: str
    changed: bool
    experiment: str | None


def find_origin(environment: Mapping[str, str] = os.environ) -> Origin | None:
    """The origin of what runs in the current folder; None where git knows of no commit.

    Of an experiment it is the commit that it started from, which DVC hands over.
    """
    base = environment.get("DVC_EXP_BASELINE_REV") or "HEAD"
    try:
        commit, date = git("log", "-1", "--format=%H %as", base, "--").split()
        changed = git("diff", "--name-only", commit, "--", *MADE_BY)
    except (ConfigError, ValueError):
        return None
    return Origin(commit[:SHORT], date, bool(changed), environment.get("DVC_EXP_NAME"))
