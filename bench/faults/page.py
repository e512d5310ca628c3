"""The record of a campaign: JSON for machines, the tables of docs/reliability.md for people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from testbed.paths import ROOT

from .tally import Tally, markdown

RESULTS = ROOT / "bench" / "results" / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"


@dataclass(frozen=True)
class Run:
    """One kind of faults that was run."""

    kind: str
    wanted: int
    seed: int
    minutes: float | None  # after which it was to stop
    tally: Tally
    seconds: float
    only: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything that the page and a later reader need."""
        limit = "" if self.minutes is None else f" --minutes {self.minutes:g}"
        limit += f" --only {' '.join(self.only)}" if self.only else ""
        return {
            "command": f"python -m bench.faults {self.kind} --trials {self.wanted}"
            f" --seed {self.seed}{limit}",
            "trials": self.tally.trials,
            "bad": self.tally.bad,
            "seconds": round(self.seconds),
            **self.tally.to_json(),
        }


def table(run: dict[str, Any]) -> str:
    """A run's command and its counts, as Markdown."""
    where = f", {run['machine']}, commit {run['commit']}" if "commit" in run else ""
    title = f"`{run['command']}`: {run['trials']:,} trials in {run['seconds'] / 60:.0f} min{where}."
    return f"{title}\n\n{markdown(run['rows'])}"


def record(runs: Sequence[Run]) -> None:
    """Keep the runs, in the place of earlier ones of their kinds, and fill in the page."""
    from bench.machine import describe
    from bench.run import commit

    machine = describe()
    about = {"machine": f"{machine['cpu']}, {machine['cores']} cores", "commit": commit()}
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kept |= {run.kind: run.to_json() | about for run in runs}
    RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), kept), encoding="utf-8")


def with_tables(page: str, kept: dict[str, Any]) -> str:
    """The page with each kind's table between its marks."""
    for kind, run in kept.items():
        start, end = f"<!-- {kind}: start -->\n", f"<!-- {kind}: end -->"
        before, _, rest = page.partition(start)
        page = before + start + table(run) + end + rest.partition(end)[2]
    return page
