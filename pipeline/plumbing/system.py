"""What the machine refuses (space, memory, files, permission), told in a sentence with its remedy.

An error of ours may look like one of these, such as a file that we forgot to make. So the variable
MENTOR3AD_DEBUG keeps the traceback, and each sentence about what is not plainly the machine's
says so.
"""

import errno
import io
import os
import re
import traceback
from pathlib import Path
from types import TracebackType

DEBUG = "MENTOR3AD_DEBUG"

_FULL = "no space is left on the disk", "free some and run this again"
_FILES = (
    "too many files are open",
    "raise the limit (`ulimit -n 4096`) or lower runtime.workers, and run this again",
)
_DENIED = "this user has no permission", "give it the right to read and write there"
_MEMORY = (
    "the memory does not suffice",
    "end other programs, or lower runtime.workers, runtime.memory_gb or features.shard",
)
_KNOWN = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: ("the disk quota of this user is used up", _FULL[1]),
    errno.EFBIG: ("the file is larger than the file system or `ulimit -f` allows", "raise that"),
    errno.EIO: (
        "the disk, or the network drive, failed to read or write",
        "look for its fault (`dmesg`), and run this again when it is mended",
    ),
    errno.EROFS: (
        "the file system is read-only",
        "make it writable, or work in a folder of another one",
    ),
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: ("the system has no room for another thread", "raise `ulimit -u`"),
}
# Of these no sentence about a file that seems damaged is true: the file may be whole.
_NEVER_THE_FILES = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_OURS = f"if nothing else removed or changed it, this is a mistake of ours: {DEBUG}=1 shows where"


def system_sentence(error: BaseException) -> str | None:
    """Return what the machine refused, where, and what helps; None where it was not the machine."""
    if isinstance(error, ImportError):
        return (
            f"a library cannot be loaded ({_one_line(error)}): install mentor3ad anew; {DEBUG}=1 "
            "shows where"
        )
    code = _code(error)
    if code is None and not isinstance(error, OSError):
        return None
    reason, remedy = _KNOWN.get(code or 0, (_reason(error), _OURS))
    return f"{reason}{_place(error)}: {remedy}"


def machine_cause(error: BaseException) -> BaseException | None:
    """Return the machine's failure behind an error that takes it for a fault of a file."""
    seen: BaseException | None = error
    while seen is not None:
        if _code(seen) in _NEVER_THE_FILES:
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def is_the_machines(error: OSError) -> bool:
    """Tell whether a file may be whole that cannot be read: no permission, a failing disk, ...

    Whoever reads it lets such an error pass, which then ends in its own sentence.
    """
    return _code(error) in _KNOWN


def debugging() -> bool:
    """Tell whether the user asked for tracebacks."""
    return os.environ.get(DEBUG, "0") not in ("", "0")


def _code(error: BaseException) -> int | None:
    """Return the system's number of an error, also of libraries that keep it in their text."""
    if isinstance(error, OSError):
        return errno.ENOSPC if _is_short_write(error) else error.errno
    name, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or name == "OutOfMemoryError":
        return errno.ENOMEM
    if name == "SafetensorError" and (found := re.search(r"code: (\d+)", text)):
        return int(found[1])
    if isinstance(error, RuntimeError):
        if "can't allocate memory" in text:  # torch
            return errno.ENOMEM
        if "can't start new thread" in text:
            return errno.EAGAIN
    return None


def _is_short_write(error: OSError) -> bool:
    """NumPy counts what it wrote and asks no more."""
    return (
        error.errno is None and re.search(r"\d+ requested and \d+ written", str(error)) is not None
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror[:1].lower()}{error.strerror[1:]}"
    return _one_line(error)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _place(error: BaseException) -> str:
    """Name the file. The system names it in what opens, and not in what reads and writes."""
    names = getattr(error, "filename", None), getattr(error, "filename2", None)
    named = [os.fsdecode(name) for name in names if isinstance(name, str | bytes | os.PathLike)]
    if named:
        return f", at {' to '.join(named)}"
    at_work = _path_at_work(error.__traceback__)
    return f", while at work on {at_work}" if at_work else ""


def _path_at_work(trace: TracebackType | None) -> str | None:
    """Return the path that the innermost function with any holds, or its open file's."""
    for frame, _ in reversed(list(traceback.walk_tb(trace))):
        for value in reversed(list(frame.f_locals.values())):
            if isinstance(value, Path):
                return str(value)
            if isinstance(value, io.IOBase) and isinstance(name := getattr(value, "name", 0), str):
                return name
    return None
