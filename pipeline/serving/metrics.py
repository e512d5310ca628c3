"""What the service counts and measures, in Prometheus' form."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..drift.charts import DriftState
from .answers import ScanResult
from .recipes import Recipe

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


class ServiceMetrics:
    """Figures of one service; each has a registry of its own."""

    def __init__(self, waiting: Callable[[], float], alive: Callable[[], float]) -> None:
        """Begin at zero.

        Args:
            waiting: gives the queue's length; `alive` 1 or 0.
        """
        self.registry = here = CollectorRegistry()
        self.results = Counter(
            "mentor3ad_results", "Results in the history.", ["recipe", "status"], registry=here
        )
        self.refusals = Counter(
            "mentor3ad_refusals", "Requests without a result.", ["code"], registry=here
        )
        self.seconds = Histogram(
            "mentor3ad_request_seconds",
            "From a request to its answer.",
            ["recipe"],
            buckets=_SECONDS,
            registry=here,
        )
        self.models = Gauge(
            "mentor3ad_model", "1 for each loaded model.", ["recipe", "version"], registry=here
        )
        self.drift = Gauge(
            "mentor3ad_drift",
            "Level of a control chart over its limit: beyond 1 or -1 it raises an alarm.",
            ["recipe", "chart"],
            registry=here,
        )
        self.alarms = Gauge(
            "mentor3ad_drift_alarm",
            "1 for each control chart while its alarm stands, else 0.",
            ["recipe", "chart"],
            registry=here,
        )
        queue = Gauge("mentor3ad_queue_length", "Scans that wait.", registry=here)
        queue.set_function(waiting)
        Gauge("mentor3ad_alive", "1 while scans are taken.", registry=here).set_function(alive)

    def count(self, result: ScanResult) -> None:
        self.results.labels(result.recipe, result.status).inc()

    def text(self, recipes: list[Recipe], states: Sequence[DriftState]) -> bytes:
        self.models.clear()
        for recipe in recipes:
            self.models.labels(recipe.name, recipe.version).set(1)
        self.drift.clear()
        self.alarms.clear()
        for state in states:
            for chart in state.charts:
                self.drift.labels(state.recipe, chart.name).set(chart.level)
                self.alarms.labels(state.recipe, chart.name).set(chart.since is not None)
        return generate_latest(self.registry)
