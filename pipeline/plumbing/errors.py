"""The errors that a user can cause. Each message names the file, the value and the remedy."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn

from .logs import LOGGER, is_json
from .system import debugging, machine_cause, system_sentence


class Mentor3ADError(Exception):
    """Base of every error whose message is meant for the user; shown without a traceback."""


class ConfigError(Mentor3ADError):
    """A param that is unknown, mistyped or out of range."""


class DataError(Mentor3ADError):
    """A raw scan or data set that cannot be used as it is."""


class UnitsError(DataError):
    """Coordinates that are impossible in the unit that they are said to have."""


class NoReturnError(DataError):
    """A finite number that looks like the sensor's sign for no return, and that nobody named.

    Attributes:
        value: the number, in the file's own units or counts; None: not known.
    """

    def __init__(self, message: str, value: float | None = None) -> None:
        super().__init__(message)
        self.value = value


class MismatchError(DataError):
    """Files of one scan that do not fit each other."""


class NoDecisionError(DataError):
    """A score or map of a scan that is not finite, so that the scan is neither good nor not."""


class UnlikeTrainingError(DataError):
    """A scan that shows no part, or none like those of the training: nothing is decided of it."""


class CacheError(Mentor3ADError):
    """A store that is incomplete, damaged, foreign or of another schema."""


class BucketError(Mentor3ADError):
    """A bucket that cannot be reached, or that refuses."""


class WeightsError(Mentor3ADError):
    """Backbone or module weights that are missing, damaged or do not fit."""


class BundleError(Mentor3ADError):
    """A model bundle that is incomplete, damaged, foreign or of a newer schema."""


class BenchError(Mentor3ADError):
    """A benchmark that ended in an error."""


class TrainingError(Mentor3ADError):
    """A loss or feature that is not finite, or too little data to train on."""


class ClusterError(Mentor3ADError):
    """A cluster that cannot be reached, or whose workers cannot do the work."""


class BusyError(Mentor3ADError):
    """Another process does this work, or took it over from us."""


@contextmanager
def one_sentence() -> Iterator[None]:
    """End with one sentence and exit code 1 on what the user or the machine did.

    An error of ours has a traceback. So has every one where MENTOR3AD_DEBUG is set, and with
    MENTOR3AD_LOG=json a line of the log holds that of what the machine refused.
    """
    try:
        try:
            yield
        finally:
            _flush_output()
    except BrokenPipeError:  # the reader of our output, such as `head`, has what it wanted
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except SystemExit as end:
        if end.__context__ and isinstance(end.__context__.__cause__, KeyboardInterrupt):
            print("interrupted", file=sys.stderr)  # typer ends so, and says nothing
        raise
    except Exception as error:
        _end_with_sentence(error)


def show_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Do as `one_sentence` does, as `sys.excepthook`: while a stage is still importing."""
    if isinstance(error, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return
    try:
        _end_with_sentence(error)
    except SystemExit:
        return
    except BaseException:
        sys.__excepthook__(kind, error, trace)


def _end_with_sentence(error: BaseException) -> NoReturn:
    """Print the sentence and exit with 1; an error of ours is raised again."""
    ours = str(error) if isinstance(error, Mentor3ADError) else None
    refused = machine_cause(error) if ours else error
    sentence = (refused and system_sentence(refused)) or ours
    if sentence is None:
        raise error
    if debugging():
        traceback.print_exception(error)
    if refused:
        _log_traceback(error)
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(1)


def _log_traceback(error: BaseException) -> None:
    """Keep the traceback for a log collector; a person asks for it by MENTOR3AD_DEBUG."""
    if is_json():
        trace = "".join(traceback.format_exception(error))
        figures = {"error": type(error).__name__, "traceback": trace}
        LOGGER.error("error", extra={"figures": figures})


def _flush_output() -> None:
    """Write what was printed; what cannot be written is dropped, since Python would try again."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not error.filename:
            error.filename = "standard output"
        raise
