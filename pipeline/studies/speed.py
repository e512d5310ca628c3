"""Speed and memory of Table V: what `mentor3ad bench --record` kept of this machine."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..plumbing.documents import DocumentError, read_json

RECORDS = Path("bench") / "results"
MEASUREMENT = "speed"
OURS = "Mentor3AD"
COLUMNS = {"frame_rate": "scans_per_s", "memory": "memory_mb"}  # of Table V, in a record
LIMIT = 4 << 20  # bytes of a record


@dataclass(frozen=True)
class Speed:
    """What one scan costs on one machine.

    Attributes:
        note: the machine and the commit of the record; None: there is no record of this machine.
        figures: by method (ours, or the name of a rival) and by column of Table V.
    """

    note: str | None = None
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, rival: str | None, column: str) -> float | None:
        """A figure of ours (None) or of a rival; None where it was not measured."""
        return self.figures.get(rival or OURS, {}).get(column)


def recorded_speed(folder: Path, cpu: str, cores: int) -> Speed:
    """Read the record of a machine without a GPU, by its processor and cores.

    A record that cannot be read, or that has no speed, is passed over: a study's other columns do
    not depend on it.

    Args:
        folder: of the records, one JSON document a machine.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            record = read_json(path, LIMIT)
            machine, rows = record["machine"], record["results"][MEASUREMENT]["rows"]
            if (machine["cpu"], machine["cores"], machine["gpu"]) == (cpu, cores, None):
                note = (
                    f"Speed and memory of ours and of the rivals: {cpu}, {cores} cores, no GPU, "
                    f"commit {record['commit']} (`mentor3ad bench speed`)."
                )
                return Speed(note, {row["what"]: _columns(row) for row in rows})
        except (DocumentError, OSError, KeyError, TypeError, ValueError):
            continue
    return Speed()


def speed_of_this_machine() -> Speed:
    """The record of this machine in the checkout that the process runs in, if there is one."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return recorded_speed(RECORDS, cpu_name(), count or 1)


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = (line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line)
    return next(names, "") or platform.processor() or platform.machine()


def _columns(row: Mapping[str, Any]) -> dict[str, float]:
    return {column: float(row[key]) for column, key in COLUMNS.items() if row.get(key) is not None}
