"""Hashes of our own code, which the stages of an installed project depend on.

In a checkout DVC hashes the rooms themselves. In a project that `mentor3ad new` made they lie in
site-packages, so the project holds a file with the hash of each room that dvc.yaml lists:

    .mentor3ad/code/extraction.sha256       of the room pipeline/extraction
    .mentor3ad/code/stages/extract.sha256   of the script stages/extract.py

`mentor3ad sync` writes these files. A stage refuses to start while they are not those of the
installed release, because DVC would record its results as those of other code.
"""

import hashlib
from pathlib import Path

from ..plumbing.errors import ConfigError
from ..plumbing.version import __version__

FOLDER = Path(".mentor3ad")
CODE = FOLDER / "code"
SUFFIX = ".sha256"

PACKAGE = Path(__file__).parents[1]


def stages_folder() -> Path:
    """Return the folder of the stages' scripts: in the package, or beside it in a checkout."""
    inside = PACKAGE / "stages"
    return inside if inside.is_dir() else PACKAGE.parent / "stages"


def code_sha256(name: str) -> str | None:
    """Return the hash of a part of the installed code; None where this release has no such part.

    Args:
        name: a room such as `extraction`, or a file without its suffix: `stages/extract`.
    """
    first, _, rest = name.partition("/")
    path = stages_folder() / rest if first == "stages" else PACKAGE / name
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
        return _sha256([(f.relative_to(path).as_posix(), f) for f in files])
    file = path.with_name(f"{path.name}.py")
    return _sha256([(file.name, file)]) if file.is_file() else None


def recorded_code(root: Path) -> dict[str, str]:
    """Return what a project's files say of each part of the code; empty in a checkout."""
    folder = root / CODE
    files = sorted(folder.rglob(f"*{SUFFIX}"))
    return {
        file.relative_to(folder).as_posix().removesuffix(SUFFIX): _text(file).strip()
        for file in files
    }


def check_code(root: Path) -> None:
    """Refuse to run in a project that was made for other code than the installed release's.

    Raises:
        ConfigError: a part of the code is another, or is gone.
    """
    recorded = recorded_code(root)
    other = [name for name, sha256 in recorded.items() if code_sha256(name) != sha256]
    if other:
        raise ConfigError(
            f"the installed mentor3ad {__version__} has other code in {', '.join(other)} than "
            f"{root / CODE} says: run `mentor3ad sync` to take it up and `dvc repro` to run the "
            "stages that it concerns, or install the release that this project was made with"
        )


def _sha256(files: list[tuple[str, Path]]) -> str:
    whole = hashlib.sha256()
    for name, file in files:
        whole.update(f"{name}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read ({error}): run `mentor3ad sync`") from None
