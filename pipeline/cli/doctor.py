"""`mentor3ad doctor`."""

from pathlib import Path
from typing import Annotated

import typer


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended without harm.")
    ] = False,
) -> None:
    """Look for what keeps the project in this folder from running; one line each.

    Exit code 0: nothing is wrong, or all of it is mended. 1: something is.
    """
    from ..doctor.examine import examine

    left = 0
    for ailment in list(examine(Path())):
        if fix and ailment.mend is not None:
            ailment.mend()
            print(f"mended: {ailment.what}")
        else:
            left += 1
            print(f"{ailment.what}{' (--fix does it)' if ailment.mend else ''}")
    if left:
        raise typer.Exit(1)
    print("nothing is wrong")
