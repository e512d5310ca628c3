"""`mentor3ad new DIR`."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..plumbing.errors import ConfigError
from ..plumbing.words import counted

if TYPE_CHECKING:
    from ..params.schema import Features, Params
    from ..validation.propose import Proposal

DEFAULT = "light"  # the preset for scans of one's own: it runs on any machine
MOST_CHECKED = 300  # scans that are all checked at once; of more, `validate` tells

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder, new or empty.")]
Scans = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="SCANS",
        help="Your scans: one kind of part, or a folder for each. They are looked at, and stay "
        "where they are.",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(help=f"Name of a preset, as of `mentor3ad use`; with --from, {DEFAULT}."),
]
Root = Annotated[
    Path | None, typer.Option(help="Folder of the data: it holds one folder a category.")
]
Categories = Annotated[str, typer.Option(help="Categories to use, separated by commas.")]


def new(
    folder: Folder,
    scans: Scans = None,
    preset: Preset = None,
    root: Root = None,
    categories: Categories = "",
) -> None:
    """Make a project whose stages call the installed package, with git and DVC set up.

    With --from its params are those that fit the scans. Exit code: 2 where some scans have errors
    that `mentor3ad train` would stop at.
    """
    if scans is not None:
        if root or categories:
            raise ConfigError("--from finds the root and the categories: leave the other two out")
        raise typer.Exit(_from_scans(folder, scans, preset or DEFAULT))
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
    steps = _into(folder)
    steps.append("git commit --message 'A project of mentor3ad'")
    if preset not in (None, "demo"):  # which generates its data, and needs no weights
        steps += ["mentor3ad validate", "mentor3ad weights fetch"]
    return [*steps, "dvc repro"]


def _into(folder: Path) -> list[str]:
    return [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]


def _from_scans(folder: Path, scans: Path, preset: str) -> int:
    """Make a project for a folder of scans, and tell what was found; the exit code."""
    from ..params.schema import PARAMS_FILE, load_params
    from ..project.create import create_project, shipped_params
    from ..validation.found import describe_promises, describe_proposal
    from ..validation.propose import propose

    scans = _real(scans)
    if folder.resolve().is_relative_to(scans.resolve()):
        raise ConfigError(f"{folder} lies in the folder of the scans: name one outside of {scans}")
    if preset not in ("light", "folder"):
        raise ConfigError(f"--from takes the presets light and folder, not {preset}")
    found = propose(scans, shipped_params().data)
    where = found.arrangement
    create_project(folder, preset, where.root, list(where.scans), found.values)
    params = load_params(folder / PARAMS_FILE)
    looked = counted(found.looked_at, "scan")
    print(f"looked at {looked}; all stay in {where.root}, which is only read")
    for line in (*describe_proposal(found), *describe_promises(where, params)):
        print(line)
    errors = _check(found, params)
    weights = _missing_weights(params.features)
    _tell_next(folder, preset, errors, weights)
    return 2 if errors else 0


def _real(scans: Path) -> Path:
    """An absolute path; of a link that which it leads to, since a category must lie in its root."""
    return scans.resolve() if scans.is_symlink() else Path(os.path.normpath(scans.absolute()))


def _check(found: "Proposal", params: "Params") -> int:
    """Tell what `validate` says of the scans; the number of errors."""
    from ..validation.text import describe
    from .validate import check_data_set

    count = sum(map(len, found.arrangement.scans.values()))
    if count > MOST_CHECKED:
        print(f"`mentor3ad validate` checks all {count} scans, which takes a while")
        return 0
    report = check_data_set(params.data, params.runtime.workers)
    print(describe(report, 5))
    return report.count("error")


def _missing_weights(features: "Features") -> list[str]:
    """What brings the backbones' weights here, where they are missing."""
    from ..weights.sources import remedy, stock

    missing = [item.source for item in stock(features) if item.health == "missing"]
    return list(dict.fromkeys(remedy(source) for source in missing))


def _tell_next(folder: Path, preset: str, errors: int, weights: list[str]) -> None:
    if weights:
        print(
            f"the weights of the preset {preset} are not on this machine: {'; '.join(weights)}; "
            "nothing stands in for them, and docs/weights.md says what a machine without a network "
            "can do"
        )
    else:
        print(f"the weights of the preset {preset} are on this machine: nothing is downloaded")
    steps = [*_into(folder), "mentor3ad train", "mentor3ad bundle"]
    if errors:
        steps.insert(len(steps) - 2, "mentor3ad validate  # until it finds no error")
        print(
            f"{folder} is made, but training would stop at the errors above, or rate what is not "
            "so: mend them. Next:"
        )
    else:
        print(f"{folder} is ready. Next:")
    for step in steps:
        print(f"  {step}")
