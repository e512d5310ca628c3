"""`mentor3ad new DIR`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import ConfigError


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, new or empty.")],
    preset: Annotated[
        str | None, typer.Option(help="Name of a preset, as of `mentor3ad use`.")
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
    for step in _next_steps(folder, preset):
        print(f"  {step}")


def _next_steps(folder: Path, preset: str | None) -> list[str]:
    """The commands from here to the first results."""
    steps = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    steps.append("git commit --message 'A project of mentor3ad'")
    if preset not in (None, "demo"):  # which generates its data, and needs no weights
        steps += ["mentor3ad validate", "mentor3ad weights fetch"]
    return [*steps, "dvc repro"]
