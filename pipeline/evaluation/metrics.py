"""All metrics of one category, and their mean over categories.

Every pixel of a scan counts in the pixel metrics, as in the literature; nothing is restricted to
the foreground. What pads a scan to a square is no part of it and does not count; the metrics of the
published protocol, which counts it, stand beside them under names that end in `_padded`. A metric
that has no value (no good scan, no defect, no mask) is None, never NaN. Pixels are counted once,
for all scans and for each defect kind; see `mentor3ad.evaluation.pixels`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..plumbing.errors import DataError
from .aupro import PixelRanking, aupro, aupro_99, pro_curve
from .pixels import CountedPixels, Maps, Masks, PixelScans
from .ranking import Ranking, finite_scores, rank

METRICS_FILE = "metrics.json"  # of each category
GOOD = "good"  # dataset.scan's: imported, it would have the report depend on that whole room
WIDE, NARROW = 0.3, 0.01  # the two false positive rates that the literature compares at
LIMITS = (WIDE, 0.1, 0.05, NARROW)

PADDED = "_padded"  # ends the names of the published protocol's metrics

Number = float | None


@dataclass(frozen=True)
class DefectMetrics:
    """Metrics of one defect kind: its `n_scans` scans against all good ones."""

    n_scans: int
    i_auroc: Number = None
    p_auroc: Number = None
    aupro_30: Number = None
    aupro_1: Number = None


@dataclass(frozen=True)
class CategoryMetrics:
    """Metrics of one category: `i_` of objects, `p_` of pixels, `_99` by 99 thresholds.

    `aupro` maps the JSON name of each limit (`aupro_30` is a limit of 0.3) to the exact value.
    A score >= `*_threshold` counts as anomalous in the F1 beside it. `padded` holds the pixel
    metrics of the published protocol by their JSON names (`aupro_30_padded`), and is empty where
    all scans are square, as they are the same there.
    """

    n_good: int
    n_defect: int
    i_auroc: Number = None
    i_ap: Number = None
    i_f1_max: Number = None
    i_f1_threshold: Number = None
    p_auroc: Number = None
    p_ap: Number = None
    p_f1_max: Number = None
    p_f1_threshold: Number = None
    aupro: Mapping[str, Number] = field(default_factory=dict)
    aupro_30_99: Number = None
    aupro_1_99: Number = None
    padded: Mapping[str, Number] = field(default_factory=dict)
    defects: Mapping[str, DefectMetrics] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A flat dictionary with a key for each metric, and `defects: {kind: {...}}`."""
        flat = asdict(self)
        return {**flat.pop("aupro"), **flat.pop("padded"), **flat}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CategoryMetrics:
        """The inverse of `to_json`."""
        names = {f.name for f in fields(cls)}
        known = {name: value for name, value in values.items() if name in names}
        rest = {name: value for name, value in values.items() if name not in names}
        known["padded"] = {name: v for name, v in rest.items() if name.endswith(PADDED)}
        known["aupro"] = {name: v for name, v in rest.items() if not name.endswith(PADDED)}
        known["defects"] = {k: DefectMetrics(**v) for k, v in values["defects"].items()}
        return cls(**known)


@dataclass(frozen=True, eq=False)
class Kinds(Mapping[str, tuple[Ranking | None, PixelRanking | None]]):
    """The rankings of each defect kind's scans with all good ones, made when one is asked for."""

    names: Sequence[str]
    make: Callable[[str], tuple[Ranking | None, PixelRanking | None]]

    def __getitem__(self, kind: str) -> tuple[Ranking | None, PixelRanking | None]:
        if kind not in self.names:
            raise KeyError(kind)
        return self.make(kind)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Rankings:
    """The sorted scores that the metrics and the curves of some scans are read from.

    Attributes:
        objects: None unless there are good and defective scans.
        pixels: None unless there are anomalous and normal pixels.
        kinds: these two for each defect kind's scans with all good ones, by the kind's name.
        n_scans: scans of each kind, "good" among them.
        padded: `pixels` as the published protocol counts them; None where no scan is padded.
    """

    objects: Ranking | None
    pixels: PixelRanking | None
    kinds: Mapping[str, tuple[Ranking | None, PixelRanking | None]]
    n_scans: Mapping[str, int]
    padded: PixelRanking | None = None

    def metrics(self, limits: Sequence[float] = LIMITS) -> CategoryMetrics:
        """All metrics; limits: false positive rates of the exact AUPRO, each in (0, 1]."""
        n_good = self.n_scans[GOOD]
        return CategoryMetrics(
            n_good=n_good,
            n_defect=sum(self.n_scans.values()) - n_good,
            **_object_metrics(self.objects),
            **_pixel_metrics(self.pixels, limits),
            padded=_padded_metrics(self.padded, limits),
            defects={
                kind: _defect_metrics(self.n_scans[kind], *rankings)
                for kind, rankings in self.kinds.items()
            },
        )


def rank_scans(
    maps: Maps,
    masks: Masks | None,
    object_scores: ArrayLike,
    labels: ArrayLike,
    defects: Sequence[str],
    valid: Masks | None = None,
    folder: Path | None = None,
) -> Rankings:
    """Rank the scores of one category's test scans.

    Maps, masks and `valid` may be read when a scan is asked for, and are gone through twice; one
    scan at a time is in memory.

    Args:
        maps: N final anomaly maps (H, W), float32, higher means more anomalous.
        masks: N ground truths (H, W), non-zero = anomalous; None for object metrics only.
        object_scores: (N,) one score a scan.
        labels: (N,) 1 for a scan with a defect, 0 for a good one.
        defects: N defect kinds, "good" exactly where the label is 0.
        valid: N of (H, W), True on the pixels of the scan, False on what pads it; None: all are.
        folder: of files without names for what many anomalous pixels take; None: the system's.

    Raises:
        DataError: the arguments do not fit each other or a score is not finite.
    """
    scores, defective = finite_scores(object_scores), np.asarray(labels, dtype=bool)
    kinds = np.array(defects, str)
    _check(len(maps), scores, defective, kinds)
    pixels = None
    if masks is None:
        for one in maps:
            finite_scores(one)
    elif len(masks) != len(maps):
        raise DataError(f"masks of shape {len(masks)} do not fit {len(maps)} anomaly maps.")
    else:
        pixels = CountedPixels(PixelScans(maps, masks, valid), kinds.tolist(), GOOD, folder)
        for i in (i for i in pixels.marked if not defective[i]):
            raise DataError(f"scan {i} is labelled good but its mask marks anomalous pixels.")

    def of_kind(kind: str) -> tuple[Ranking | None, PixelRanking | None]:
        part = (kinds == kind) | ~defective
        return _objects(defective[part], scores[part]), pixels.ranking(kind) if pixels else None

    names = sorted({GOOD, *kinds.tolist()})
    return Rankings(
        objects=_objects(defective, scores),
        pixels=pixels.ranking() if pixels else None,
        kinds=Kinds([name for name in names if name != GOOD], of_kind),
        n_scans={name: int((kinds == name).sum()) for name in names},
    )


def mean_metrics(categories: Sequence[CategoryMetrics]) -> dict[str, Number]:
    """Mean of each metric over the categories that have it, by its JSON name; None if none has.

    Thresholds, counts and the defect kinds of different categories have no common scale or name,
    so they are left out.
    """
    rows = [category.to_json() for category in categories]
    names = dict.fromkeys(name for row in rows for name in row if _is_averaged(name))
    return {name: _mean([_value(row, name) for row in rows]) for name in names}


def _value(row: Mapping[str, Any], name: str) -> Number:
    """Of a category without padding, the published protocol's value is the only one."""
    value: Number = row.get(name, row.get(name.removesuffix(PADDED)))
    return value


def _is_averaged(name: str) -> bool:
    return not (name.endswith("_threshold") or name.startswith("n_") or name == "defects")


def _mean(values: Sequence[Number]) -> Number:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _check(
    n: int,
    object_scores: NDArray[np.floating],
    defective: NDArray[np.bool_],
    kinds: NDArray[np.str_],
) -> None:
    for name, shape in [
        ("object scores", object_scores.shape),
        ("labels", defective.shape),
        ("defect kinds", kinds.shape),
    ]:
        if shape != (n,):
            raise DataError(f"{name} of shape {shape} do not fit {n} anomaly maps.")
    for i in np.flatnonzero(defective != (kinds != GOOD)):
        raise DataError(f"scan {i} has label {int(defective[i])} but kind '{kinds[i]}'.")


def _objects(defective: NDArray[np.bool_], scores: NDArray[np.floating]) -> Ranking | None:
    if not defective.any() or defective.all():
        return None
    return rank(defective, scores)


def _object_metrics(ranking: Ranking | None) -> dict[str, Any]:
    if ranking is None:
        return {}
    f1, threshold = ranking.f1_max()
    return {
        "i_auroc": ranking.auroc(),
        "i_ap": ranking.average_precision(),
        "i_f1_max": f1,
        "i_f1_threshold": threshold,
    }


def _pixel_metrics(pixels: PixelRanking | None, limits: Sequence[float]) -> dict[str, Any]:
    names = [f"aupro_{100 * limit:g}" for limit in limits]
    if pixels is None:
        return {"aupro": dict.fromkeys(names)}
    f1, threshold = pixels.roc.f1_max()
    wide_99, narrow_99 = aupro_99(pixels, (WIDE, NARROW))
    return {
        "p_auroc": pixels.roc.auroc(),
        "p_ap": pixels.roc.average_precision(),
        "p_f1_max": f1,
        "p_f1_threshold": threshold,
        "aupro": dict(zip(names, aupro(pro_curve(pixels), limits), strict=True)),
        "aupro_30_99": wide_99,
        "aupro_1_99": narrow_99,
    }


def _padded_metrics(pixels: PixelRanking | None, limits: Sequence[float]) -> dict[str, Number]:
    if pixels is None:
        return {}
    metrics = _pixel_metrics(pixels, limits)
    values = {**metrics.pop("aupro"), **metrics}
    return {f"{name}{PADDED}": value for name, value in values.items() if _is_averaged(name)}


def _defect_metrics(
    n_scans: int, objects: Ranking | None, pixels: PixelRanking | None
) -> DefectMetrics:
    """Metrics of one kind's scans with all good scans, as if there were no other kind."""
    pixel = _pixel_metrics(pixels, (WIDE, NARROW))
    return DefectMetrics(
        n_scans=n_scans,
        i_auroc=_object_metrics(objects).get("i_auroc"),
        p_auroc=pixel.get("p_auroc"),
        **pixel["aupro"],
    )
