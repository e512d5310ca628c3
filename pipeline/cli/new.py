"""`mentor3ad new DIR`."""

from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import ConfigError


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, new or empty.")],
    preset: Annotated[
        str | None, typer.Option(help="demo, mvtec3d, eyecandies or folder: as `mentor3ad use`.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder of the data: it holds one folder a category.")
    ] = None,
    categories: Annotated[str, typer.Option(help="Categories to use, separated by commas.")] = "",
) -> None:
    """Make a project whose stages call the installed package, with git and DVC set up."""
    from ..project.create import create_project

    if preset is None and (root or categories):
        raise ConfigError("--root and --categories need --preset, such as mvtec3d")
    names = [name.strip() for name in categories.split(",") if name.strip()]
    create_project(folder, preset, root, names)
    print(f"{folder} is ready. Next:")
    if folder != Path():
        print(f"  cd {folder}")
    print("  git commit --message 'A project of mentor3ad'   # experiments are compared with it")
    print("  dvc repro")
