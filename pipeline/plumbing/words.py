"""Counts in sentences: one scan has, two scans have."""


def counted(count: int, noun: str) -> str:
    """A count with its noun: `1 scan`, `2 scans`."""
    return f"{count} {nouns(count, noun)}"


def nouns(count: int, noun: str) -> str:
    """The noun for a count: `scan` for one, `scans` for any other number."""
    return noun if count == 1 else f"{noun}s"


def has(count: int) -> str:
    return "has" if count == 1 else "have"


def are(count: int) -> str:
    return "is" if count == 1 else "are"
