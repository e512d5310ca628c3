"""Words for the terminal that say what a preparation found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..dataset.manifest import Manifest, ManifestRow, PlaneState
from ..dataset.scan import GOOD, SPLITS, UNKNOWN, Label

PLANES: dict[PlaneState, str] = {
    "removed": "table found and removed",
    "none": "no table found",
    "off": "table not looked for (data.plane_removal is false)",
    "before": "background removed before, used as it is",
}
_KINDS: dict[Label, str] = {0: GOOD, 1: "defective", None: UNKNOWN}


def describe(manifest: Manifest) -> str:
    """One line: scans of each split and kind, then what became of the table in how many."""
    planes = Counter(row.plane for row in manifest.rows)
    counts = ", ".join(filter(None, (_count(manifest.split(split), split) for split in SPLITS)))
    tables = ", ".join(f"{text} in {planes[p]}" for p, text in PLANES.items() if planes[p])
    return f"{manifest.category}: {counts}; {tables}"


def _count(rows: Sequence[ManifestRow], split: str) -> str:
    kinds = Counter(row.label for row in rows)
    parts = [f"{kinds[label]} {name}" for label, name in _KINDS.items() if kinds[label]]
    return f"{split} {' + '.join(parts)}" if parts else ""
