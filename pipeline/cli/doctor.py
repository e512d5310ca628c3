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
    for finding in list(examine(Path())):
        if fix and finding.mend is not None:
            finding.mend()
            print(f"mended: {finding.what}")
        else:
            left += 1
            print(f"{finding.what}{' (--fix does it)' if finding.mend else ''}")
    if left:
        raise typer.Exit(1)
    print("nothing is wrong")
