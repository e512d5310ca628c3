"""`mentor3ad bundle`."""

from pathlib import Path
from typing import Annotated

import typer


def bundle(
    category: Annotated[str, typer.Option(help="A category of the project in this folder.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    with_backbones: Annotated[
        bool,
        typer.Option("--with-backbones", help="Put the backbones' weights in, about 430 MB."),
    ] = False,
) -> None:
    """Write all that `predict` needs of a category into one folder, for other machines."""
    from ..inspection.export import write_bundle

    write_bundle(Path(), category, out, with_backbones)
    size = sum(file.stat().st_size for file in out.iterdir())
    print(f"{out}: {category}, {size / 1e6:.1f} MB")
