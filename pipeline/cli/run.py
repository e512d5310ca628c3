"""`mentor3ad run KEY=VALUE...` and `mentor3ad run --jobs N`."""

from typing import Annotated

import typer

from ..plumbing.errors import ConfigError

Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE...", help="Params that it sets: model.lr=3e-4"),
]


def run(
    settings: Settings = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="Of the experiment.")] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Put it into DVC's queue: `dvc queue start` runs it.")
    ] = False,
    pull: Annotated[
        bool, typer.Option("--pull", help="Fetch what is missing here from the DVC remote.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Run the workspace instead, training so many categories at once."),
    ] = None,
) -> None:
    """Check an experiment's values, then run it beside the workspace: `dvc exp run --temp -S ...`.

    A key, a value or a category that is not there is one sentence, before anything runs. With
    --jobs there is no experiment: categories are trained side by side, then `dvc repro` does the
    rest.
    """
    if jobs is not None:
        if settings or name or queue:
            raise ConfigError(
                "--jobs runs the workspace as it is: leave settings, --name and --queue out"
            )
        from ..studies.side_by_side import run_side_by_side

        raise typer.Exit(run_side_by_side(jobs, pull))
    if not settings:
        raise ConfigError("run needs KEY=VALUE settings, or --jobs to run the workspace")
    from ..studies.single import checked_settings, run_single

    raise typer.Exit(run_single(checked_settings(settings), name, queue, pull))
