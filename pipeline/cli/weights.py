"""`mentor3ad weights`: the backbones' weights that params.yaml needs."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .tables import print_table

if TYPE_CHECKING:
    from ..weights.sources import Stock

app = typer.Typer(help="Show, fetch and import the backbones' weights.")


class Which(StrEnum):
    rgb = "rgb"
    points = "points"


@app.callback(invoke_without_command=True)
def weights(context: typer.Context) -> None:
    """Show which weights params.yaml needs and which are here; exit code 1 if one is not."""
    if context.invoked_subcommand is None:
        from ..weights.sources import check_stock

        check_stock(_show())


@app.command()
def fetch() -> None:
    """Download what params.yaml needs and is not here; an interrupted download goes on."""
    from ..params.schema import load_params
    from ..weights.pretrained import fetch_missing
    from ..weights.sources import check_stock

    fetch_missing(load_params().features)
    check_stock(_show())


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=".safetensors, or Point-MAE's pretrain.pth")],
    which: Annotated[
        Which | None, typer.Option("--as", help="The backbone; by its tensors if not given.")
    ] = None,
) -> None:
    """Check a file and keep it where `pretrained` finds it."""
    from ..weights.pretrained import import_weights

    print(f"kept as {import_weights(file, which.value if which else None)}")


def _show() -> "list[Stock]":
    from ..params.schema import load_params
    from ..weights.sources import stock

    stocks = stock(load_params().features)
    print_table(("backbone", "param", "weights", "file", "size", "sha256"), list(map(_row, stocks)))
    return stocks


def _row(item: "Stock") -> tuple[str, ...]:
    size = "" if item.size is None else f"{item.size / 1e6:.1f} MB"
    file = "none needed" if item.file is None else str(item.file)
    return item.source.title, item.source.param, item.weights, file, size, item.health
