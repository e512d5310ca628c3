"""`mentor3ad verify`."""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    path: Annotated[
        Path, typer.Argument(help="A project, a bundle, an out of a stage or a store.")
    ] = Path(),
) -> None:
    """Check every file of a finished project, a bundle or a store, and say what is wrong.

    Exit code: 0 all is whole and of one run, 1 something is damaged, foreign, missing or out of
    date.
    """
    from ..verification.verify import verify as check

    report = check(path)
    print(report)
    raise typer.Exit(1 if report.findings else 0)
