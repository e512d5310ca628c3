"""`mentor3ad use PRESET`."""

from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import ConfigError
from .tables import print_table


def use(
    preset: Annotated[str | None, typer.Argument(help="Name of a preset; none: list them.")] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder of the data: it holds one folder a category.")
    ] = None,
    categories: Annotated[str, typer.Option(help="Categories to use, separated by commas.")] = "",
) -> None:
    """Merge a preset into params.yaml and tell what it changed."""
    from ..params.presets.choose import PRESETS, description, use_preset

    if preset is None:
        if root or categories:
            raise ConfigError("--root and --categories need a preset, such as mvtec3d")
        print_table(("preset", "what for"), [(name, description(name)) for name in PRESETS])
        return
    names = [name.strip() for name in categories.split(",") if name.strip()]
    changes = use_preset(preset, root, names)
    if not changes:
        print(f"params.yaml: nothing changed, it has the settings of {preset}")
        return
    print_table(
        ("key", "before", "after"), [(c.key, " ".join(c.before.split()), c.after) for c in changes]
    )
