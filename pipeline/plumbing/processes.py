"""How the processes that we start come to their end."""

import ctypes
import signal
import sys


def die_with_parent() -> None:
    """End this process when its parent is killed: an orphan would write beside the next run.

    Linux alone has such a signal. Elsewhere an orphan goes on to its end, and the store's lock
    refuses the next run until then.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
