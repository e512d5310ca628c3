"""What tells whether two machines compute the same: our code, libraries, and the CPU."""

import hashlib
import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

CODE = "code of mentor3ad"  # of `about`: what every worker says of itself
_PACKAGE = Path(__file__).parents[1]
_ORDERING = ("avx512_bf16", "avx512f", "avx2", "asimd")  # instructions by which sums are ordered
_FLAGS = ("flags", "Features")  # the lines of /proc/cpuinfo that have them


@cache
def code_sha256() -> str:
    """Return a hash of all of our code: of two machines that hand each other work it is equal."""
    digest = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def machine_kind(libraries: Iterable[str]) -> dict[str, str]:
    """Return what results depend on that these libraries compute on the CPU, in words."""
    return {name: version(name) for name in libraries} | {"CPU": cpu_kind()}


@cache
def cpu_kind() -> str:
    """Return the architecture of the CPU, and of its instructions those that change sums."""
    return " ".join([platform.machine(), *(name for name in _ORDERING if name in _instructions())])


@cache
def _instructions() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return frozenset()
    split = (line.partition(":") for line in lines)
    return frozenset(next((v.split() for k, _, v in split if k.strip() in _FLAGS), ()))
