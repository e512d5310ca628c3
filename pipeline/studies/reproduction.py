"""A table of the paper on the user's own copy of its data: which numbers lie where ours do.

The experiments set the preset's values and the data themselves, so params.yaml stays as it is.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..params.presets.choose import data_values, preset_values
from ..params.presets.overlay import load_yaml
from ..params.schema import PARAMS_FILE, Params, validate_params
from ..plumbing.errors import ConfigError, Mentor3ADError
from ..readers.layouts import list_scans
from ..weights.sources import check_stock, stock
from .dag import Dag
from .definition import FOLDER, load_study, study_path
from .grid import with_values
from .identity import Baseline
from .plan import Plan
from .show import DATA_SETS
from .table import Cell, StudyTable
from .text import number, ours

SEEDS = (0, 1, 2)  # of a study that has one seed alone, which shows no spread
CONFIDENCE = 0.95  # of the interval that one more run lies in
HALF_DIGIT = 0.0005  # the paper prints three decimals

T = TypeVar("T")
Row = tuple[str, ...]
HEADER: Row = ("", "", "ours", "one more run", "paper", "within")


def plan_reproduction(
    name: str, root: Path, categories: Sequence[str], seeds: Sequence[int]
) -> Plan:
    """The experiments of one of the paper's tables on a copy of its data set.

    Args:
        name: of the study that fills the table, such as table-1.
        root: folder of the categories; categories: those to use, or all of the data set's.
        seeds: of training; none: the study's, or `SEEDS` where that is a single one.

    Raises:
        ConfigError: it is no study of the paper's on public data; or what is missing, data and
            weights, in one sentence.
    """
    path = study_path(name)
    study, dag = load_study(path), Dag.load()
    baseline, preset = Baseline.load(dag), study.preset or ""
    if preset not in DATA_SETS or not all(table.paper for table in study.tables):
        raise ConfigError(f"{path} is no table of the paper on public data; those: {_known()}")
    problems: list[str] = []
    data = _noted(problems, lambda: _loaded(data_values(preset, root, categories)))
    values = _loaded(preset_values(preset)) | (data or {})
    params = validate_params(with_values(baseline.params, values), PARAMS_FILE)
    scans = _noted(problems, lambda: _listing(params)) if data else None
    _noted(problems, lambda: check_stock(stock(params.features)))
    if problems or scans is None:
        raise ConfigError(f"before {name} can run: {'; '.join(problems)}")
    chosen = list(seeds or (study.seeds if len(study.seeds) > 1 else SEEDS))
    whole = study.model_copy(update={"set": values | study.set, "seeds": chosen})
    return Plan.of(path, whole, dag, replace(baseline, data=scans))


def _known() -> str:
    paths = sorted(FOLDER.glob("*.yaml"))
    studies = {path.stem: load_study(path) for path in paths}
    return ", ".join(
        name
        for name, one in studies.items()
        if one.preset in DATA_SETS and all(table.paper for table in one.tables)
    )


def _loaded(texts: dict[str, str]) -> dict[str, Any]:
    return {key: load_yaml(text, PARAMS_FILE) for key, text in texts.items()}


def _noted(problems: list[str], work: Callable[[], T]) -> T | None:
    """What work returns; where it finds something missing, None, and its sentence is noted."""
    try:
        return work()
    except Mentor3ADError as error:
        problems.append(str(error).rstrip("."))
        return None


def _listing(params: Params) -> dict[str, str]:
    """A hash of each category's files, by their names and sizes: other scans, other experiments.

    Raises:
        DataError: a category is not laid out as its data set is published.
    """
    return {name: _category_hash(params, name) for name in params.data.categories}


def _category_hash(params: Params, category: str) -> str:
    root, total = Path(params.data.root), hashlib.sha256()
    for scan in list_scans(root, category, params.data):
        for path in filter(None, (scan.rgb, scan.points, scan.mask)):
            total.update(f"{path.relative_to(root)} {path.stat().st_size}\n".encode())
    return total.hexdigest()


def one_more_run(cell: Cell) -> tuple[float, float] | None:
    """Where the number of one more seed lies with 95 % probability; None with fewer than two.

    The paper prints one run, so its number is compared with one more run of ours and not with our
    mean: mean ± t * s * sqrt(1 + 1 / n), Student's t of n - 1 degrees, and half of the last digit.
    """
    from scipy.special import stdtrit

    if cell.mean is None or cell.spread is None:
        return None
    n = len(cell.values)
    t = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))
    reach = t * cell.spread * (1 + 1 / n) ** 0.5 + HALF_DIGIT
    return cell.mean - reach, cell.mean + reach


def is_within(cell: Cell) -> bool | None:
    """Whether the paper's number lies in `one_more_run`; None where the two do not compare."""
    interval = one_more_run(cell)
    if interval is None or cell.difference is None or cell.paper is None:
        return None
    return interval[0] <= cell.paper <= interval[1]


def reproduced_rows(table: StudyTable) -> list[Row]:
    """A row for each number of a table: ours, where one more run lies, the paper's, within or not.

    The first column is empty where it repeats the one above.
    """
    return [
        (line.name if n == 0 else "", column, ours(cell), *_beside(cell))
        for line in table.lines
        for n, (column, cell) in enumerate(zip(table.columns, line.cells, strict=True))
    ]


def _beside(cell: Cell) -> Row:
    interval, within = one_more_run(cell), is_within(cell)
    place = "-" if interval is None else " to ".join(map(number, interval))
    return place, number(cell.paper), {True: "yes", False: "no", None: "-"}[within]


def summary(tables: Sequence[StudyTable]) -> str:
    """One sentence: how many of the paper's numbers lie within."""
    cells = [cell for table in tables for line in table.lines for cell in line.cells]
    found = [within for cell in cells if (within := is_within(cell)) is not None]
    if not found:
        return "No number can be compared yet."
    return f"{sum(found)} of {len(found)} of the paper's numbers lie within one more run of ours."
