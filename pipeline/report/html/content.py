"""What the report says, as the page's JSON, made from results that the other stages wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from platform import python_version
from typing import Any

import numpy as np

from ...calibration.conformal import (
    CONFIDENCE,
    clopper_pearson,
    expected_rate,
    rate_bound,
    scans_needed,
)
from ...evaluation.views import Alarm, CategoryViews, Ranges
from ...params.schema import Params
from ...plumbing.version import __version__
from ..best import Best
from ..origin import Origin
from ..paper import OWN, table_of
from ..rivals import RivalRow
from ..summary import COLUMNS, MEAN

JSONObject = Mapping[str, Any]
LOSS_POINTS = 200  # at most so many in a loss curve; each is a mean over equally many steps
LIBRARIES = ("torch", "timm", "numpy", "scipy", "scikit-learn", "zarr", "dvc", "Pillow")


@dataclass(frozen=True)
class Threshold:
    """A category's decision threshold: what it promised, and how it did on the test scans.

    Attributes:
        scans: held-out good scans behind it.
        expected: false-alarm rate that it promises on average; bound: the rate that it stays
            below with `confidence`, given these scans.
        needed: held-out scans that it takes to promise the target.
        false_alarms, good: how many of the good test scans it calls defective; rate: their
            share, with its exact interval.
    """

    value: float
    target: float
    scans: int
    expected: float
    bound: float
    needed: int
    confidence: float
    false_alarms: int
    good: int
    misses: int
    defective: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class Category:
    """One category's results; `metrics` and `defects` as in reports/results.json."""

    name: str
    metrics: dict[str, float]
    defects: dict[str, dict[str, float]]
    threshold: Threshold
    ranges: Ranges
    notes: tuple[str, ...]
    fingerprints: dict[str, str]


@dataclass(frozen=True)
class ListedScan:
    """One test scan: the position of its category and of its view (None: no view), its truth
    (None: not known), its decision, and what raised it."""

    category: int
    view: int | None
    id: str
    defect: str | None
    score: float
    rejected: bool
    alarm: Alarm | None


@dataclass(frozen=True)
class Paper:
    """The paper's own numbers on the same categories, by metric, then by category or mean."""

    table: str
    title: str
    values: dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Content:
    """Everything on the page but the scans' pictures, maps and clouds.

    Attributes:
        columns: names of the headline metrics by their key.
        curves: the two axes of each, by file name without its ending, then by category.
        best: of the studies on these data, by metric.
        data: fingerprint of the content of all categories' scans.
        origin: the commit and the experiment; None: not known.
        rivals: other methods on the same features.
    """

    columns: dict[str, str]
    mean: dict[str, float]
    categories: tuple[Category, ...]
    scans: tuple[ListedScan, ...]
    curves: dict[str, dict[str, tuple[list[float], list[float]]]]
    paper: Paper | None
    best: dict[str, Best]
    rivals: tuple[RivalRow, ...]
    params: dict[str, Any]
    versions: dict[str, str]
    data: str
    origin: Origin | None = None


def page_content(
    params: Params,
    summary: Mapping[str, Any],
    metrics: Mapping[str, Mapping[str, Any]],
    curves: Mapping[str, Sequence[JSONObject]],
    views: Sequence[CategoryViews],
    best: Mapping[str, Best] | None = None,
    origin: Origin | None = None,
    rivals: Sequence[RivalRow] = (),
) -> Content:
    """
    Args:
        summary: of reports/results.json.
        metrics: content of each category's metrics.json.
        curves: rows of each file in reports/plots.
        views: of each category, in the order of `metrics`.
        best: of the studies on these data, by metric.
        rivals: other methods on the same features, see `rival_table`.
    """
    names = list(metrics)
    return Content(
        columns={key: name for key, name in COLUMNS.items() if key in summary[MEAN]},
        mean=dict(summary[MEAN]),
        categories=tuple(_category(summary[v.category], metrics[v.category], v) for v in views),
        scans=tuple(s for i, v in enumerate(views) for s in _scans(i, metrics[v.category], v)),
        curves={name: _by_category(rows) for name, rows in curves.items()},
        paper=_paper(names),
        best=dict(best or {}),
        rivals=tuple(rivals),
        params=_settings(params),
        versions=_versions(),
        data=_fingerprint(views),
        origin=origin,
    )


def _category(summary: JSONObject, metrics: JSONObject, views: CategoryViews) -> Category:
    nested = ("defects", "decisions")
    return Category(
        name=views.category,
        metrics={key: value for key, value in summary.items() if key not in nested},
        defects=dict(summary.get("defects", {})),
        threshold=_threshold(metrics, views),
        ranges=views.ranges,
        notes=tuple(metrics["notes"]),
        fingerprints={"data": views.data_sha256, "score maps": views.scores_sha256},
    )


def _threshold(metrics: JSONObject, views: CategoryViews) -> Threshold:
    made, good = metrics["decisions"], int(metrics["n_good"])
    scans, target = views.calibration_scans, views.target_fpr
    return Threshold(
        value=made["threshold"],
        target=target,
        scans=scans,
        expected=expected_rate(scans, target),
        bound=rate_bound(scans, target),
        needed=scans_needed(target),
        confidence=CONFIDENCE,
        false_alarms=made["false_alarms"],
        good=good,
        misses=made["misses"],
        defective=int(metrics["n_defect"]),
        interval=clopper_pearson(made["false_alarms"], good),
    )


def _fingerprint(views: Sequence[CategoryViews]) -> str:
    """sha256 of one category's data, or of the list of several."""
    each = [view.data_sha256 for view in views]
    return each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()


def _scans(category: int, metrics: JSONObject, views: CategoryViews) -> list[ListedScan]:
    places = {scan.id: n for n, scan in enumerate(views.scans)}
    alarms = {scan.id: scan.alarm for scan in views.scans}
    return [
        ListedScan(
            category,
            places.get(row["id"]),
            row["id"],
            row["defect"],
            row["score"],
            row["defective"],
            alarms.get(row["id"]),
        )
        for row in metrics["scans"]
    ]


def _by_category(rows: Sequence[JSONObject]) -> dict[str, tuple[list[float], list[float]]]:
    """The axes of each category's curve; a loss curve is thinned to means of neighbouring steps."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        x = row["step"] if "loss" in row else row["fpr"]
        y = next(row[name] for name in ("loss", "tpr", "pro") if name in row)
        points.setdefault(row["category"], []).append((x, y))
    thin = bool(rows) and "loss" in rows[0]
    return {name: _axes(np.array(curve), thin) for name, curve in points.items()}


def _axes(points: np.ndarray, thin: bool) -> tuple[list[float], list[float]]:
    if thin:
        steps = -(-len(points) // LOSS_POINTS)  # that each mean is of
        points = np.array([points[i : i + steps].mean(0) for i in range(0, len(points), steps)])
    x, y = ([float(f"{v:.5g}") for v in axis] for axis in points.T)
    return x, y


def _paper(categories: list[str]) -> Paper | None:
    table = table_of(categories)
    if table is None:
        return None
    values = {metric: table.row(OWN, metric).values for metric in table.metrics}
    return Paper(table.number, table.title, values)


def _settings(params: Params) -> dict[str, Any]:
    """Every setting by its dotted name, without those of `runtime`, which change no result."""
    return dict(_leaves(params.model_dump(exclude={"runtime"})))


def _leaves(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for key, value in content.items():
        nested = isinstance(value, dict)
        leaves += _leaves(value, f"{prefix}{key}.") if nested else [(f"{prefix}{key}", value)]
    return leaves


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in LIBRARIES}
    return {"mentor3ad": __version__, "Python": python_version()} | libraries
