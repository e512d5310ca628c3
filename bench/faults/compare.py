"""What a run made, to be compared with what another made."""

import json
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from .project import state


@dataclass(frozen=True)
class Reference:
    """What a run that nobody kills makes, and how long it takes.

    Attributes:
        made: digest of every file by its path; what the comparison is of.
        names: of every file of the project, so that what is left over is seen.
    """

    made: dict[str, str]
    names: frozenset[str]
    seconds: float


def made(root: Path, out: str) -> dict[str, str]:
    """Digests of an out; the report's page names the moment's commit."""
    found = state(root / out) if (root / out).exists() else {}
    return {name: sha for name, sha in found.items() if name != "index.html"}


def all_made(root: Path) -> dict[str, str]:
    """Digests of all outs, and what dvc.lock says of each stage's outs."""
    folders = ("data", "reports")
    found = {f"{f}/{name}": sha for f in folders for name, sha in made(root, f).items()}
    return found | {"dvc.lock": outs((root / "dvc.lock").read_text(encoding="utf-8"))}


def outs(lock: str) -> str:
    """The hashes of the outs of every stage but the report, whose page names a commit."""
    stages = YAML(typ="safe", pure=True).load(lock)["stages"]
    kept = {name: stage.get("outs") for name, stage in stages.items() if name != "report"}
    return json.dumps(kept, sort_keys=True)


def names(root: Path) -> frozenset[str]:
    """Every file of a project but those of git, DVC's cache and Python's caches."""
    left_out = {".git", "cache", "__pycache__", "tmp"}
    found = (path.relative_to(root) for path in root.rglob("*"))
    return frozenset(str(path) for path in found if not left_out.intersection(path.parts))
