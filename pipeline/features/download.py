"""Files from outside: fetched whole, checked by sha256 before anything opens them."""

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from pipeline.errors import WeightsError

TIMEOUT_S = 60


def weights_folder() -> Path:
    """Where fetched weights are kept: $MENTOR3AD_WEIGHTS, else ~/.cache/mentor3ad."""
    return Path(os.environ.get("MENTOR3AD_WEIGHTS", Path.home() / ".cache" / "mentor3ad"))


def check_sha256(path: Path, expected: str) -> None:
    """Raises WeightsError unless the file's sha256 is the expected one."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected:
        raise WeightsError(
            f"{path}: sha256 is {digest}, expected {expected}; the file is damaged or another one: "
            "delete it and get the published file again"
        )


def fetch(url: str, sha256: str, target: Path) -> Path:
    """The file at `target`, downloaded from `url` if it is not there; its hash is checked.

    Raises:
        WeightsError: no network, no disk space, or another file than the expected one.
    """
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
            try:
                with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
                    shutil.copyfileobj(response, part)
                part.close()
                check_sha256(Path(part.name), sha256)
                Path(part.name).replace(target)
            except (urllib.error.URLError, OSError) as error:
                raise WeightsError(
                    f"{url} could not be downloaded ({error}); get it on a connected machine, "
                    f"and put it at {target}"
                ) from error
            finally:
                Path(part.name).unlink(missing_ok=True)
    check_sha256(target, sha256)
    return target
