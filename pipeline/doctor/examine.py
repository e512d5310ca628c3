"""Examines a project."""

from collections.abc import Iterator
from pathlib import Path

from ..plumbing.errors import ConfigError
from .ailment import Ailment
from .leftovers import find_leftovers
from .machine import find_bad_params, find_in_machine
from .running import find_orphans


def examine(root: Path) -> Iterator[Ailment]:
    """Yield all that is wrong with a project.

    Raises:
        ConfigError: the folder is no project.
    """
    if not (root / "dvc.yaml").is_file():
        raise ConfigError(f"{root.resolve()} has no dvc.yaml: run this in the folder of a project")
    yield from find_orphans(root)
    yield from find_leftovers(root)
    yield from find_bad_params(root)
    yield from find_in_machine(root)
