"""The values that a preset sets, and the data set that its user names for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from ...plumbing.documents import dump_json
from ...plumbing.errors import ConfigError
from ...plumbing.files import replaced_whole
from ..categories import category_folders
from ..schema import PARAMS_FILE, parse_params, read_text
from .overlay import Change, as_dvc_writes, load_yaml, overlay, value_places

FOLDER = Path(__file__).parent
# One NAME.yaml each; the shipped params come first.
PRESETS = ("demo", *sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "demo"))

ON_TOP = ("light",)  # that keep the data set, and so go on top of another preset


def _known(name: str) -> str:
    if name not in PRESETS:
        raise ValueError(f"must be one of {', '.join(PRESETS)}")
    return name


Preset = Annotated[str, AfterValidator(_known)]


def description(name: str) -> str:
    """One line about a preset, which is the first comment of its file."""
    return _text(name).partition("\n")[0].removeprefix("# ")


def preset_values(name: str) -> dict[str, str]:
    """YAML text of each key that a preset sets.

    Raises:
        ConfigError: there is no such preset.
    """
    places = value_places(_text(name), FOLDER / f"{name}.yaml")
    return {key: place.text for key, place in places.items()}


def use_preset(
    name: str,
    root: Path | None = None,
    categories: Sequence[str] = (),
    params: Path = PARAMS_FILE,
) -> list[Change]:
    """Merge a preset into params.yaml, which is replaced as a whole or stays as it was.

    Args:
        root: folder of the categories, which is written as an absolute path; None keeps the
            preset's, or the file's with a preset that goes on top of another.
        categories: categories to use; if none are given, those of the preset, or for `folder`
            and presets that bring no data set every folder in the root.

    Returns:
        What changed in the file.

    Raises:
        ConfigError: no such preset, folder or category, or the params would not be valid.
    """
    return set_values(preset_values(name) | data_values(name, root, categories), params)


def set_values(values: Mapping[str, str], params: Path = PARAMS_FILE) -> list[Change]:
    """Set params in params.yaml, which is replaced as a whole or stays as it was.

    Args:
        values: YAML text of each key's value.

    Returns:
        What changed in the file.

    Raises:
        ConfigError: there is no such key, or the params would not be valid.
    """
    text, changes = overlay(read_text(params), values, params)
    parse_params(text, params)
    if changes:
        with replaced_whole(params) as part:
            part.write_bytes(text.encode("utf-8"))
    return changes


def _text(name: str) -> str:
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}; the known ones are {', '.join(PRESETS)}")
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def data_values(name: str, root: Path | None, categories: Sequence[str]) -> dict[str, str]:
    """YAML text of each key that a root and categories set; see `use_preset`."""
    if name == "demo":
        if root or categories:
            raise ConfigError(
                "demo generates its own data; --root and --categories belong to other presets"
            )
        return {}
    if root is None:
        if name == "folder":
            raise ConfigError("folder needs --root, the folder that holds one folder a category")
        return {"data.categories": _yaml_list(categories)} if categories else {}
    there = bool(categories) and all((root / name).is_dir() for name in categories)
    found = list(categories) if there and not _is_category(root) else _folders(root)
    if not categories:
        categories = found if name in ("folder", *ON_TOP) else _known_categories(name)
    _check_categories(root, categories, found)
    no_demo = {"demo.categories": "[]"} if name in ON_TOP else {}
    return no_demo | {
        "data.root": as_dvc_writes(str(root.absolute())),
        "data.categories": _yaml_list(categories),
    }


def _known_categories(name: str) -> list[str]:
    categories: list[str] = load_yaml(preset_values(name)["data.categories"], FOLDER / name)
    return categories


def _is_category(root: Path) -> bool:
    return (root / "train").is_dir()


def _folders(root: Path) -> list[str]:
    if _is_category(root):
        raise ConfigError(
            f"--root {root} holds a train folder, so it is one category; give the folder above it"
        )
    return category_folders(root)


def _check_categories(root: Path, categories: Sequence[str], found: Sequence[str]) -> None:
    missing = [category for category in categories if category not in found]
    if missing:
        raise ConfigError(
            f"--root {root} has no folder for {', '.join(missing)}; name those to use, such as "
            f"--categories {','.join(found)}"
        )


def _yaml_list(items: Sequence[str]) -> str:
    return dump_json(list(items), ensure_ascii=False)
