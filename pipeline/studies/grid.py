"""Pure functions that make a study's experiments out of its tables."""

import itertools
import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..plumbing.documents import dump_json
from ..plumbing.errors import ConfigError
from ..report.paper import OWN
from .definition import Row, Study, TableSpec, Values

T = TypeVar("T")


@dataclass(frozen=True)
class Experiment:
    """One run of the pipeline: a row of a table with one seed."""

    row: str  # name in the first table that has it
    seed: int
    values: Values

    @property
    def slug(self) -> str:
        """Row and seed, written as a part of a git reference."""
        words = re.sub(r"[^a-z0-9]+", "-", self.row.lower().replace("w/o", "without")).strip("-")
        return f"{words[:40].rstrip('-') or 'row'}-seed{self.seed}"


def rows_of(table: TableSpec) -> list[Row]:
    """The rows of a table: those that it lists, each with every point of its grid."""
    rows = table.rows or [Row(name="" if table.grid else OWN)]
    return [_joined(row, point) for row in rows for point in _points(table.grid)]


def _points(grid: Mapping[str, Sequence[Any]]) -> list[Values]:
    choices = [[(key, value) for value in values] for key, values in grid.items()]
    return [dict(point) for point in itertools.product(*choices)]


def _joined(row: Row, point: Values) -> Row:
    twice = sorted(set(row.set) & set(point))
    if twice:
        raise ConfigError(f"row {row.name!r} sets {', '.join(twice)}, which its grid varies")
    words = [f"{key} = {as_text(value)}" for key, value in point.items()]
    name = ", ".join(filter(None, [row.name, *words]))
    return row.model_copy(update={"name": name, "set": row.set | point})


def as_text(value: Any) -> str:
    """The text of a value as YAML and DVC's `-S` read it."""
    return dump_json(value, ensure_ascii=False)


def row_experiments(study: Study, row: Row) -> list[Experiment]:
    """The experiments of a row: one for each seed."""
    return [
        Experiment(row.name, seed, study.set | row.set | dict.fromkeys(study.seeded, seed))
        for seed in study.seeds
    ]


def expand(study: Study) -> list[Experiment]:
    """All experiments of a study, each once, in the order of its tables.

    Raises:
        ConfigError: a row and the grid set the same param, or rows of a table share a name.
    """
    found: dict[str, Experiment] = {}
    for table in study.tables:
        rows = rows_of(table)
        _check_names(table.title, [row.name for row in rows])
        for experiment in itertools.chain.from_iterable(row_experiments(study, r) for r in rows):
            found.setdefault(as_key(experiment.values), experiment)
    return list(found.values())


def as_key(values: Values) -> str:
    """A key that is equal for equal values."""
    return dump_json(values, sort_keys=True)


def _check_names(title: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"table {title!r} has several rows named {', '.join(twice)}")


def chains(experiments: Iterable[tuple[Values, T]], expensive: Container[str]) -> list[list[T]]:
    """Group experiments that share expensive stages, so that one runs these for the others.

    Args:
        experiments: pairs of the values of one and of what is grouped.
        expensive: params that those stages depend on.

    Returns:
        Lists whose members follow each other; the lists may run beside each other.
    """
    groups: dict[str, list[T]] = {}
    for values, item in experiments:
        shared = {key: value for key, value in values.items() if key in expensive}
        groups.setdefault(as_key(shared), []).append(item)
    return list(groups.values())


def with_values(content: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """The content of a params file with some of its leaves set.

    Raises:
        ConfigError: a key is no leaf of the file.
    """
    changed = json.loads(dump_json(content))
    for key, value in values.items():
        *parents, last = key.split(".")
        place = changed
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place or isinstance(place[last], dict):
            raise ConfigError(f"{key} is no param of params.yaml that an experiment can set")
        place[last] = value
    return changed
