"""The control charts of one model: they take its scans as they come, and say when one has drifted.

An alarm is raised once. It ends, and the chart can raise the next one, after `REARM` points in a
row within half of the limit, or with another version of the bundle, whose charts begin anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from .limits import SLOT_S, WEIGHT, run_length
from .reference import Known, Reference, words_for

REARM = 30  # points: an hour, where each slot has a scan
TREND = 120  # points that are kept to be drawn

State = Literal["in control", "drift", "no scan yet", "too few good scans"]


class ChartState(BaseModel):
    """How one chart stands."""

    name: str
    title: str
    state: State
    level: float  # over its limit: an alarm is raised above 1, and below -1
    points: int
    since: float | None  # when the alarm was raised, in seconds since 1970
    text: str  # in words
    trend: list[float]  # the last levels, oldest first


class DriftState(BaseModel):
    """How the charts of a recipe stand."""

    recipe: str
    bundle: str  # version
    drift: bool
    problem: str | None  # why there are no charts, or not all
    run_length: float  # points until a false alarm of one chart, on average
    charts: list[ChartState]


class Chart:
    """The chart of one value. It is not for several threads."""

    def __init__(self, name: str, known: Known) -> None:
        self.name, self.known = name, known
        self.level, self.mean, self.points = 0.0, 0.0, 0
        self.since: float | None = None
        self.trend: deque[float] = deque(maxlen=TREND)
        self._inside = 0
        self._slot: int | None = None
        self._sum, self._raw, self._count = 0.0, 0.0, 0

    def add(self, time: float, value: float) -> None:
        """Take a scan's value; the first scan of another slot ends the one before.

        Args:
            time: of the decision, in seconds since 1970.
        """
        slot = int(time // SLOT_S)
        if self._count and slot != self._slot:
            self._point(self._sum / self._count, self._raw / self._count, time)
            self._sum, self._raw, self._count = 0.0, 0.0, 0
        self._slot = slot
        self._sum += self.known.standardised(value)
        self._raw += self.known.bounded(value)
        self._count += 1

    def _point(self, score: float, value: float, time: float) -> None:
        limit = self.known.limit
        if limit is None:
            return
        self.level += WEIGHT * (score - self.level)
        self.mean = value if not self.points else self.mean + WEIGHT * (value - self.mean)
        self.points += 1
        at = self.level / limit
        self.trend.append(round(at, 4))
        if self.since is None:
            if at > 1 or (at < -1 and not self.known.one_sided):
                self.since, self._inside = time, 0
            return
        self._inside = self._inside + 1 if abs(at) < 0.5 else 0
        if self._inside >= REARM:
            self.since = None

    def state(self) -> ChartState:
        """How it stands, in numbers and in words."""
        words, limit = words_for(self.name), self.known.limit
        return ChartState(
            name=self.name,
            title=words.what,
            state=self._state(),
            level=0.0 if limit is None else round(self.level / limit, 4),
            points=self.points,
            since=self.since,
            text=self._text(),
            trend=list(self.trend),
        )

    def _state(self) -> State:
        if self.known.limit is None:
            return "too few good scans"
        if self.since is not None:
            return "drift"
        return "in control" if self.points else "no scan yet"

    def _text(self) -> str:
        words, known = words_for(self.name), self.known
        low, high = words.show(known.values[0]), words.show(known.values[-1])
        seen = f"good scans of the training {low} to {high}{words.unit}"
        if known.limit is None:
            return f"{words.what}: {known.scans} good scans are too few to tell drift"
        if not self.points:
            return f"{words.what}: no scan yet, {seen}"
        now = f"now {words.show(self.mean)}{words.unit} on average, {seen}"
        if self.since is None:
            return f"{words.what}: {now}"
        above = self.level > 0
        way = "risen" if above else "fallen"
        return f"{words.what} has {way}: {words.sentence(above)} ({now})"


class Charts:
    """All charts of a recipe with one version of its bundle."""

    def __init__(self, recipe: str, bundle: str, reference: Reference | None) -> None:
        """Begin with no scan.

        Args:
            reference: None: that of this version is not known, so that there is no chart.
        """
        self.recipe, self.bundle, self.is_known = recipe, bundle, reference is not None
        found = {} if reference is None else reference.charts
        self.charts = {name: Chart(name, known) for name, known in found.items()}

    def add(self, time: float, values: Mapping[str, float]) -> None:
        """Take the values of a scan, by the names of their charts; what has no chart is left."""
        for name, value in values.items():
            if (chart := self.charts.get(name)) is not None:
                chart.add(time, value)

    def state(self) -> DriftState:
        charts = [chart.state() for chart in self.charts.values()]
        return DriftState(
            recipe=self.recipe,
            bundle=self.bundle,
            drift=any(chart.since is not None for chart in self.charts.values()),
            problem=self._problem(),
            run_length=round(run_length()),
            charts=charts,
        )

    def _problem(self) -> str | None:
        if not self.is_known:
            return (
                f"what good scans showed to version {self.bundle} is not known: name its bundle, "
                "or start the service with it"
            )
        if len(self.charts) < 2:
            return (
                "the bundle does not say what good scans showed: write it again with "
                "`mentor3ad bundle` after `dvc repro` of this release, with voting.unlike_fpr set"
            )
        return None
