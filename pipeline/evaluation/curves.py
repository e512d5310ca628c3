"""ROC and PRO curves as rows for DVC plots: a JSON list of flat rows for each curve.

DVC joins the rows of one file by their keys, so all rows of a file have the same ones; the template
`.dvc/plots/roc_by_category.json` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..plumbing.documents import dump_json
from .aupro import PixelRanking, pro_curve
from .curve import Curve
from .metrics import Rankings
from .ranking import Ranking

CURVES_FOLDER = "curves"  # of a category's evaluation
CURVES = ("roc_object", "roc_pixel", "pro")  # files of a category's curves
LOSSES = ("loss_mfm", "loss_mgm")  # beside them
MAX_POINTS = 200
PRO_LIMIT = 0.3  # the highest limit that AUPRO is reported at

CurveRow = dict[str, str | float]


def roc_rows(category: str, ranking: Ranking, max_points: int = MAX_POINTS) -> list[CurveRow]:
    """Rows `category, fpr, tpr` of an object-level (`rank`) or pixel-level (`.roc`) ROC curve."""
    return _rows(category, "tpr", ranking.roc_curve(), max_points)


def pro_rows(
    category: str, pixels: PixelRanking, limit: float = PRO_LIMIT, max_points: int = MAX_POINTS
) -> list[CurveRow]:
    """Rows `category, fpr, pro` of the exact PRO curve up to a false positive rate of `limit`."""
    return _rows(category, "pro", pro_curve(pixels).up_to(limit), max_points)


def _rows(category: str, name: str, curve: Curve, max_points: int) -> list[CurveRow]:
    fpr, y = curve.thinned(max_points)
    points = zip(fpr.tolist(), y.tolist(), strict=True)
    return [{"category": category, "fpr": x, name: value} for x, value in points]


def write_losses(
    folder: Path, category: str, losses: Sequence[Sequence[Mapping[str, float]]]
) -> None:
    """Write the losses of MFM and of MGM, a row for each step, beside the curves.

    So the report needs evaluations alone: a clone fetches no module for it.
    """
    for name, rows in zip(LOSSES, losses, strict=True):
        write_rows(folder / f"{name}.json", [{"category": category, **row} for row in rows])


def write_rows(path: Path, rows: Sequence[Mapping[str, str | float | int]]) -> None:
    """Write rows as JSON, one on each line, with sorted keys and floats of 6 digits.

    The same rows give the same bytes. The parent folder is made if it is missing.

    Raises:
        ValueError: a float is NaN or infinite.
    """
    lines = [dump_json(_rounded(row), sort_keys=True) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n", encoding="utf-8")


def _rounded(row: Mapping[str, str | float | int]) -> dict[str, str | float | int]:
    return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in row.items()}


def write_curves(folder: Path, category: str, rankings: Rankings) -> None:
    """Write ROC of objects and pixels, and PRO; lists are empty where a class is missing."""
    objects, pixels = rankings.objects, rankings.pixels
    rows = (
        roc_rows(category, objects) if objects else [],
        roc_rows(category, pixels.roc) if pixels else [],
        pro_rows(category, pixels) if pixels else [],
    )
    for name, curve in zip(CURVES, rows, strict=True):
        write_rows(folder / f"{name}.json", curve)
