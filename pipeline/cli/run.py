"""`mentor3ad run KEY=VALUE...`."""

from typing import Annotated

import typer

Settings = Annotated[
    list[str], typer.Argument(metavar="KEY=VALUE...", help="Params that it sets: model.lr=3e-4")
]


def run(
    settings: Settings,
    name: Annotated[str | None, typer.Option("--name", "-n", help="Of the experiment.")] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Put it into DVC's queue: `dvc queue start` runs it.")
    ] = False,
    pull: Annotated[
        bool, typer.Option("--pull", help="Fetch what is missing here from the DVC remote.")
    ] = False,
) -> None:
    """Check an experiment's values, then run it beside the workspace: `dvc exp run --temp -S ...`.

    A key, a value or a category that is not there is one sentence, before anything runs.
    """
    from ..studies.single import checked_settings, run_single

    raise typer.Exit(run_single(checked_settings(settings), name, queue, pull))
