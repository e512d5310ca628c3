"""A study's best rows, kept for the report (pipeline/report/best.py)."""

import statistics

from ..dataset.manifest import Manifest
from ..drawing.capture import content_sha256
from ..params.dag import LOCK_FILE
from ..params.presets.overlay import load_yaml
from ..params.project import Project
from ..params.schema import read_text
from ..plumbing.documents import LARGE
from ..report.best import FILE, Best, StudyBest, load_best, save_best
from ..report.summary import COLUMNS, MEAN
from .definition import Row, Study
from .grid import row_experiments, rows_of
from .identity import prepared_data
from .plan import Plan, leaf
from .table import MetricsOf


def keep_best(plan: Plan, results: MetricsOf) -> bool:
    """Put the study's best into studies/best.json; returns False if that changes nothing.

    Nothing is kept while the workspace's data are not the last commit's, on which the experiments
    ran: the report would show them beside results on other data.
    """
    rows, data = best_rows(plan.name, plan.study, results), workspace_data(plan)
    before = load_best(FILE)
    after = before | ({plan.name: StudyBest(data, rows)} if rows and data else {})
    if after == before:
        return False
    save_best(FILE, after)
    return True


def best_rows(name: str, study: Study, results: MetricsOf) -> dict[str, Best]:
    """For each headline metric the row with the highest mean, among those that are finished.

    Rows of rivals do not count: the report shows rivals in a table of their own.
    """
    rows = [row for t in study.tables for row in rows_of(t) if row.rival is None]
    found: dict[str, Best] = {}
    for metric in COLUMNS:
        means = [best for row in rows if (best := _mean(name, study, row, results, metric))]
        if means:
            found[metric] = max(means, key=lambda best: best.mean)
    return found


def _mean(name: str, study: Study, row: Row, results: MetricsOf, metric: str) -> Best | None:
    """The mean over the seeds; None unless every seed has the metric."""
    experiments = row_experiments(study, row)
    each = [(results(e) or {}).get(MEAN, {}).get(metric) for e in experiments]
    values = [float(value) for value in each if value is not None]
    if len(values) < len(experiments):
        return None
    spread = round(statistics.stdev(values), 6) if len(values) > 1 else None
    return Best(name, row.name, round(statistics.fmean(values), 6), spread, len(values))


def workspace_data(plan: Plan) -> dict[str, str] | None:
    """SHA-256 of each category's data; None if it is missing or not that of the last commit."""
    project = Project()
    if not LOCK_FILE.exists():
        return None
    content = load_yaml(read_text(LOCK_FILE, LARGE), LOCK_FILE)
    names = leaf(plan.baseline.params, "data.categories")
    if prepared_data(content) != plan.baseline.data or not all(
        project.prepared(name).is_dir() for name in names
    ):
        return None
    return {name: content_sha256(Manifest.load(project.prepared(name))) for name in names}
