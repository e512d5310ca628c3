"""Which release a project was last brought in step with: .mentor3ad/release.json."""

from pathlib import Path

from ..params.section import Section
from ..plumbing.documents import read_bytes
from ..plumbing.errors import ConfigError
from ..plumbing.files import write_whole
from ..plumbing.system import is_the_machines
from .code import FOLDER

FILE = FOLDER / "release.json"


class Record(Section):
    """What `new` or `sync` left behind.

    Attributes:
        release: version of the package.
        files: sha256 of each file that `sync` keeps in step, as the release wrote it.
        params: sha256 of the params.yaml that the release ships.
    """

    release: str
    files: dict[str, str]
    params: str


def load_record(root: Path) -> Record:
    """Raises ConfigError where the folder is no project of `mentor3ad new`, or it is damaged."""
    path = root / FILE
    try:
        return Record.model_validate_json(read_bytes(path))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing: run `mentor3ad sync` in the folder that `mentor3ad new` made (a "
            "checkout of the repository needs no sync)"
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and is_the_machines(error):
            raise
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"{path} is damaged ({reason}): git checkout {FILE}") from None


def save_record(root: Path, record: Record) -> None:
    write_whole(root / FILE, f"{record.model_dump_json(indent=1)}\n")
