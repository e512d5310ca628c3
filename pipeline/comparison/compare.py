"""Compares commits and experiments without running anything."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..plumbing.errors import Mentor3ADError
from ..plumbing.files import replaced_whole
from .page import Results, changed_params, render
from .scans import Changed, changed_scans
from .seeds import repeats
from .sides import Side, load_sides

Row = tuple[str, ...]


def compare(names: Sequence[str], page: Path) -> tuple[list[Side], list[Results]]:
    """Write the page of a comparison; returns the sides and their results over the seeds.

    Raises:
        ConfigError: see `load_sides`.
    """
    sides = load_sides(names)
    repeated = repeats(sides)
    changed = [(side, *_changed(sides[0], side)) for side in sides[1:]]
    page.parent.mkdir(parents=True, exist_ok=True)
    with replaced_whole(page) as part:
        part.write_text(render(sides, repeated, changed), encoding="utf-8")
    return sides, list(repeated)


def settings_of(sides: Sequence[Side]) -> list[str]:
    """For each side what it sets otherwise than the first, such as `model.lr = 0.001`."""
    params = changed_params(sides)
    return [
        ", ".join(
            f"{key} = {values[n]}" for key, values in params.items() if values[n] != values[0]
        )
        for n in range(len(sides))
    ]


def _changed(first: Side, second: Side) -> tuple[list[Changed], list[str]]:
    """The scans that two sides decide differently, and what could not be compared."""
    scans: list[Changed] = []
    notes: list[str] = []
    for category in first.categories:
        if category not in second.categories:
            notes.append(f"{category}: {second.name} has no such category.")
            continue
        try:
            scans += _changed_in(category, first, second)
        except Mentor3ADError as error:
            notes.append(f"{category}: its scans are not compared. {error}")
    return scans, notes


def _changed_in(category: str, first: Side, second: Side) -> list[Changed]:
    with tempfile.TemporaryDirectory() as folder:
        before, _ = first.load(category, Path(folder, "first"))
        after, prepared = second.load(category, Path(folder, "second"))
        return changed_scans(category, before, after, prepared)
