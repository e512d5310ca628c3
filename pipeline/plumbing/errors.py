"""The errors that a user can cause. Each message names the file, the value and the remedy."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Mentor3ADError(Exception):
    """Base of every error whose message is meant for the user; shown without a traceback."""


class ConfigError(Mentor3ADError):
    """A param that is unknown, mistyped or out of range."""


class DataError(Mentor3ADError):
    """A raw scan or data set that cannot be used as it is."""


class UnitsError(DataError):
    """Coordinates that are impossible in the unit that they are said to have."""


class NoReturnError(DataError):
    """A finite number that looks like the sensor's sign for no return, and that nobody named."""


class MismatchError(DataError):
    """Files of one scan that do not fit each other."""


class NoDecisionError(DataError):
    """A score or map of a scan that is not finite, so that the scan is neither good nor not."""


class CacheError(Mentor3ADError):
    """A store that is incomplete, damaged, foreign or of another schema."""


class WeightsError(Mentor3ADError):
    """Backbone or module weights that are missing, damaged or do not fit."""


class BundleError(Mentor3ADError):
    """A model bundle that is incomplete, damaged, foreign or of a newer schema."""


class BenchError(Mentor3ADError):
    """A benchmark that ended in an error."""


class TrainingError(Mentor3ADError):
    """A loss or feature that is not finite, or too little data to train on."""


class BusyError(Mentor3ADError):
    """Another process does this work, or took it over from us."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """End with one sentence and exit code 1 on a user's error; an error of ours has a traceback."""
    try:
        yield
    except Mentor3ADError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
