"""One log line for each event: for people, or as JSON for a log collector (MENTOR3AD_LOG=json)."""

import logging
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from .documents import dump_json

VARIABLE = "MENTOR3AD_LOG"  # text or json; text where it is not set
LOGGER = logging.getLogger("mentor3ad")

Figure = str | int | float | bool | None
Figures = Mapping[str, Figure]  # what an event counted or measured, by name


def configure_logging() -> None:
    """Send our INFO lines to standard error, in the form that the environment asks for."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONLines() if is_json() else _Text())
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False


def is_json() -> bool:
    """Tell whether the environment asks for JSON lines."""
    return os.environ.get(VARIABLE, "text").strip().lower() == "json"


def log_event(event: str, figures: Figures) -> None:
    """Log what happened at INFO, such as `train_mfm`, with its figures."""
    LOGGER.info(event, extra={"figures": dict(figures)})


def logged_stage(name: str, stage: Callable[[], Figures | None], category: str = "") -> None:
    """Run a stage and log one line: its category, seconds, peak memory and own figures.

    A stage that fails logs no line; its error is shown as any other.
    """
    start = time.perf_counter()
    figures = stage() or {}
    seconds = round(time.perf_counter() - start, 3)
    about = {"category": category} if category else {}
    log_event(name, {**about, "seconds": seconds, "memory_mb": peak_memory_mb(), **figures})


def peak_memory_mb() -> int | None:
    """The most memory that this process had at once, in MB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))  # bytes there, KiB elsewhere


class _Text(logging.Formatter):
    """A line for people, such as `train_mfm: category bagel, seconds 41.2, loss 0.52`."""

    def format(self, record: logging.LogRecord) -> str:
        figures = getattr(record, "figures", {})
        shown = (f"{name} {_short(value)}" for name, value in figures.items() if value is not None)
        return ": ".join(filter(None, [record.getMessage(), ", ".join(shown)]))


class _JSONLines(logging.Formatter):
    """A line for a collector: one JSON object with time (UTC), level, event and the figures."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"time": at, "level": record.levelname, "event": record.getMessage()}
        figures = {name: _finite(value) for name, value in getattr(record, "figures", {}).items()}
        return dump_json(head | figures, ensure_ascii=False)


def _finite(value: Figure) -> Figure:
    """The value, or null for a number that JSON does not have: a log is never a reason to stop."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: Figure) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
