"""`mentor3ad feedback`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import ConfigError
from ..plumbing.words import counted

app = typer.Typer(no_args_is_help=True, help="What reviewers have said on the service's page.")


class OkAs(StrEnum):
    """The split of scans that are marked OK."""

    train = "train"
    test = "test"


@app.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    history: Annotated[Path, typer.Option(help="The service's --history.")] = Path("history"),
    recipe: Annotated[str | None, typer.Option(help="Only scans of this recipe.")] = None,
    ok_as: Annotated[OkAs, typer.Option(help="The split of scans marked OK.")] = OkAs.train,
) -> None:
    """Write the marked scans as a data set of the layout `folder`.

    Scans marked OK are good ones to train on, scans marked NG are defective ones to test on. The
    service may run meanwhile.
    """
    try:
        from ..serving.feedback import export_feedback
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"feedback needs {error.name}: install it with `pip install 'mentor3ad[serve]'`"
        ) from None

    counts = export_feedback(history, out, recipe, ok_as.value)
    print(
        f"{out}: {counted(counts.get('ok', 0), 'scan')} marked OK, {counts.get('ng', 0)} marked NG"
    )
