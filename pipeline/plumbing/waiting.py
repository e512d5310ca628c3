"""How long threads that compute together keep a core busy while they wait for each other.

A training step is some hundred operations, and after each its threads wait for the last of them. Of
themselves they look for its end for milliseconds, which on cores of their own it never takes. Where
other programs take a core away, the thread that is waited for has none while the others look, and a
step took up to 17 times as long. A thread that sleeps at once is woken late on a quiet machine,
which costs MFM a fifth. So they look for a moment, and then sleep (docs/performance.md).
"""

import os

ROUNDS = (
    "2000"  # in which a thread looks before it sleeps, some ten microseconds to a tenth of a ms
)
OF_THE_USER = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def wait_briefly() -> None:
    """Have OpenMP's threads of this process and of those that it starts wait so; same bits.

    It has to come before torch is imported, whose OpenMP reads the environment when it is loaded.
    Whoever set how threads wait keeps that. It is GNU's OpenMP that is told, which torch has on
    Linux; another one does as it always does, which costs time alone.
    """
    if not any(name in os.environ for name in OF_THE_USER):
        os.environ["GOMP_SPINCOUNT"] = ROUNDS
