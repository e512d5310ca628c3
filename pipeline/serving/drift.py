"""Follows the history with the control charts of each recipe, live or afterwards."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence

from ..drift.charts import Charts, ChartState, DriftState
from ..drift.reference import SCORE, Reference
from .answers import DriftEvent
from .history import History, HistoryRow

REPLAYED = 10_000  # last results that a service's charts begin with
REBUILD_S = 600.0  # between beginning anew, where somebody has marked scans
_AT_ONCE = 200


def values_of(row: HistoryRow) -> dict[str, float]:
    """What the charts take of a result.

    A score counts where the part is good as far as anybody knows: it was decided so and nobody has
    marked it NG, or somebody has marked it OK.
    """
    result, found = row.result, dict(row.measures)
    decided = result.status == "good" and result.mark != "ng"
    if result.score is not None and (
        decided or (result.mark == "ok" and result.status == "defective")
    ):
        found[SCORE] = result.score
    return found


class RecipeCharts:
    """The charts of all recipes of a history; a new version of a bundle begins its own anew."""

    def __init__(self, history: History, known: Mapping[str, Reference] | None = None) -> None:
        """Begin with no scan.

        Args:
            known: references by version, beside those that the history holds.
        """
        self.history, self.charts = history, dict[str, Charts]()
        self._known: dict[str, Reference | None] = dict(known or {})

    def add(self, row: HistoryRow) -> Charts | None:
        """Take a result; returns the charts that have it, if any has."""
        result = row.result
        if result.status == "error":
            return None
        charts = self.charts.get(result.recipe)
        if charts is None or charts.bundle != result.bundle:
            reference = self._reference(result.bundle)
            charts = Charts(result.recipe, result.bundle, reference)
            self.charts[result.recipe] = charts
        charts.add(result.time, values_of(row))
        return charts

    def states(self) -> list[DriftState]:
        return [self.charts[name].state() for name in sorted(self.charts)]

    def _reference(self, version: str) -> Reference | None:
        if self._known.get(version) is None:
            self._known[version] = self.history.reference(version)
        return self._known[version]


class DriftWatch:
    """The charts of a running service. It notes each alarm, and each end of one, once."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.states: Sequence[DriftState] = ()  # replaced whole, for readers in other threads
        self._marked = threading.Event()
        self._told = {(one.recipe, one.chart): one for one in history.events_after(0, limit=-1)}
        self._begin()

    def _begin(self) -> None:
        self._charts = RecipeCharts(self.history)
        self._seq = max(0, self.history.latest - REPLAYED)
        self._begun, self._is_behind = time.monotonic(), True

    def note_mark(self) -> None:
        """A mark can change what counts: the charts begin anew, though not at once."""
        self._marked.set()

    def follow(self) -> None:
        """Take the results that have come since."""
        if self._marked.is_set() and time.monotonic() - self._begun > REBUILD_S:
            self._marked.clear()
            self._begin()
        if self.history.latest == self._seq and not self._is_behind:
            return
        while rows := self.history.rows_after(self._seq, _AT_ONCE):
            for row in rows:
                self._seq = row.result.seq
                charts = self._charts.add(row)
                if charts is not None and not self._is_behind:
                    self._note(charts, row.result.seq)
        self._is_behind = False
        for charts in self._charts.charts.values():
            self._note(charts, self._seq)
        self.states = self._charts.states()

    def _note(self, charts: Charts, seq: int) -> None:
        """Write down where an alarm was raised, or has ended, since the last event of its chart."""
        for name, chart in charts.charts.items():
            told, is_alarm = self._told.get((charts.recipe, name)), chart.since is not None
            stands = told is not None and told.event == "alarm"
            is_known = told is not None and stands and told.bundle == charts.bundle
            if is_known if is_alarm else not stands:
                continue
            event = self.history.add_event(_event(charts, chart.state(), seq))
            self._told[charts.recipe, name] = event


def _event(charts: Charts, state: ChartState, seq: int) -> DriftEvent:
    is_alarm = state.since is not None
    text = state.text if is_alarm else f"{state.text}; it is within its limits again"
    return DriftEvent(
        seq=0,
        recipe=charts.recipe,
        bundle=charts.bundle,
        chart=state.name,
        event="alarm" if is_alarm else "cleared",
        scan=seq,
        time=time.time(),
        text=text,
    )


def read_states(
    history: History, known: Mapping[str, Reference], recipes: Iterable[str] = ()
) -> list[DriftState]:
    """How the charts stand after all results of a history, with its marks as they are now.

    Args:
        known: references by version, beside those that the history holds.
        recipes: only these; none: all.
    """
    charts, wanted, seq = RecipeCharts(history, known), set(recipes), 0
    while rows := history.rows_after(seq, _AT_ONCE):
        seq = rows[-1].result.seq
        for row in rows:
            if not wanted or row.result.recipe in wanted:
                charts.add(row)
    return charts.states()
