"""What is wrong, in one line, and how it is mended where that can do no harm."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ailment:
    """Something that is wrong.

    Attributes:
        what: one line, which ends with the remedy.
        mend: does what is safe; None where only the user can tell what is.
    """

    what: str
    mend: Callable[[], None] | None = None
