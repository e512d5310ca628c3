"""The best results that studies reached on the same data, kept in studies/best.json.

`mentor3ad study show` writes the file, git keeps it, and the report stage depends on it, so that
the page stays a function of its dependencies. Without results of a study it holds an empty object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ..plumbing.documents import DocumentError, read_json
from ..plumbing.errors import ConfigError
from ..plumbing.files import write_whole
from ..plumbing.system import is_the_machines

FILE = Path("studies/best.json")


@dataclass(frozen=True)
class Best:
    """The row of a study with the highest mean of one metric.

    Attributes:
        mean, spread: over the seeds; spread is None with one seed.
    """

    study: str
    row: str
    mean: float
    spread: float | None
    seeds: int


@dataclass(frozen=True)
class StudyBest:
    """The best rows of one study, and the data that they are of.

    Attributes:
        data: sha256 of the data's content by category, as in CategoryViews.
        metrics: by the metric's name.
    """

    data: dict[str, str]
    metrics: dict[str, Best]


_CONTENT = TypeAdapter(dict[str, StudyBest])


def load_best(path: Path) -> dict[str, StudyBest]:
    """Each study's best by its name. Raises ConfigError where the file cannot be used."""
    try:
        return _CONTENT.validate_python(read_json(path))
    except (OSError, DocumentError, ValidationError) as error:
        if isinstance(error, OSError) and is_the_machines(error):
            raise
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{path} cannot be used ({reason}); take the last commit's (git checkout {path})"
        ) from None


def save_best(path: Path, content: Mapping[str, StudyBest]) -> None:
    text = _CONTENT.dump_json(dict(sorted(content.items())), indent=1).decode()
    write_whole(path, f"{text}\n", follow=True)


def best_on(content: Mapping[str, StudyBest], data: Mapping[str, str]) -> dict[str, Best]:
    """The best row of each metric over all studies of these very data; of equals the first."""
    found: dict[str, Best] = {}
    for study in content.values():
        if study.data == dict(data):
            for metric, best in study.metrics.items():
                if metric not in found or best.mean > found[metric].mean:
                    found[metric] = best
    return found
