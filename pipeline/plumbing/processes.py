"""How our processes end."""

import ctypes
import signal
import sys


def die_with_parent() -> None:
    """End this process when its parent is killed: an orphan would write beside the next run."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
