"""`mentor3ad bundle`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

Category = Annotated[
    str | None, typer.Option(help="A category of the project; none: each of them.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="The folder to write, in which each of several categories has its own; none: models/"
        "CATEGORY in the project."
    ),
]
WithBackbones = Annotated[
    bool, typer.Option("--with-backbones", help="Put the backbones' weights in, about 430 MB.")
]


def bundle(
    category: Category = None, out: Out = None, with_backbones: WithBackbones = False
) -> None:
    """Write all that `predict` needs of a category into one folder, for other machines."""
    from ..inspection.export import write_bundle
    from ..params.project import find_project
    from ..params.schema import load_params

    project = find_project(Path.cwd())
    known = load_params(project / "params.yaml").data.categories
    names = [category] if category is not None else known
    above = None if out is not None and len(names) == 1 else out or _shown(project / "models")
    for name in names:
        folder = out if above is None else above / name
        assert folder is not None
        write_bundle(_shown(project), name, folder, with_backbones)
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(f"{folder}: {name}, {size / 1e6:.1f} MB")
    if above is not None:
        one = shlex.quote(str(above / names[0]))
        print(f"next: mentor3ad predict SCANS --bundle {one}")
        print(f"or, with a page for the line: mentor3ad serve {shlex.quote(str(above))}")


def _shown(path: Path) -> Path:
    """A path as the current folder sees it, where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
