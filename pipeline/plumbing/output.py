"""Standard output and error, whatever their encoding."""

import sys


def replace_unprintable() -> None:
    """Print what the terminal's encoding does not know as escapes, instead of failing at it.

    So no line is lost for a name in another script, as under LANG=C or in a pipe on Windows.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
