"""`mentor3ad sync`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..project.sync import Synced


def sync(
    replace: Annotated[
        bool, typer.Option("--replace", help="Also replace dvc.yaml where you have edited it.")
    ] = False,
) -> None:
    """Bring the project in this folder in step with the installed release."""
    from ..project.sync import sync_project

    _print(sync_project(Path(), replace))


def _print(done: "Synced") -> None:
    for what, names in (
        ("written anew", done.files),
        ("added to params.yaml", done.added),
        ("no longer in params.yaml", done.dropped),
        ("other code", done.code),
    ):
        if names:
            print(f"{what}: {', '.join(names)}")
    if done.code or done.files:
        print("`dvc status` shows which stages this concerns, and `dvc repro` runs them")
    print(f"the project is in step with mentor3ad {done.after}")
