"""Names of categories: folders of the data, and parts of the names of stages, outs and pages."""

import unicodedata
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from ..plumbing.errors import ConfigError
from ..plumbing.logs import LOGGER

_SIGNS = " _-.+()"  # what neither a shell pattern, a URL, YAML nor DVC reads anything into
_RULE = f"letters, digits and {' '.join(_SIGNS.strip())} or spaces, a letter or digit first"


def check_category_name(name: str) -> str:
    """Return the name of a category; ValueError with the rule where it may be none."""
    plain = all(c.isalnum() or unicodedata.category(c)[0] == "M" or c in _SIGNS for c in name)
    if not (plain and name[:1].isalnum() and name[-1] not in " ."):
        raise ValueError(f"must be of {_RULE}, and neither a space nor a dot last")
    if name.endswith(".dvc"):
        raise ValueError("must not end in .dvc, as DVC's own files do")
    return name


Category = Annotated[str, AfterValidator(check_category_name)]


def category_folders(root: Path) -> list[str]:
    """The folders in a root that may be categories, sorted; the log names those that may not.

    Raises:
        ConfigError: the root cannot be listed, is an address in a bucket, or holds no such folder.
    """
    check_local(root)
    try:
        folders = [path.name for path in root.iterdir() if path.is_dir()]
    except OSError as error:
        raise ConfigError(f"--root {root} cannot be listed ({error.strerror})") from None
    names = []
    for name in sorted(folder for folder in folders if not folder.startswith(".")):
        try:
            names.append(check_category_name(name))
        except ValueError as error:
            LOGGER.warning(f"{root / name} is left out: a category's name {error}; rename it")
    if not names:
        raise ConfigError(f"--root {root} holds no folders; it needs one a category")
    return names


def check_local(root: Path) -> None:
    """Raise ConfigError where a root that somebody typed is an address in a bucket."""
    if root.parts[:1] == ("s3:",):
        raise ConfigError(
            f"--root s3://{'/'.join(root.parts[1:])}: this command reads folders of this machine "
            "alone; data.bucket and data.in_bucket of params.yaml name scans in a bucket "
            "(docs/buckets.md)"
        )
