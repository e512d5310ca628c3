"""Evaluation of one category: its test scans' maps against the ground truth."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.cache.maps import ANOMALY, ANOMALY_KIND
from pipeline.cache.reader import Store
from pipeline.config import Evaluate
from pipeline.data.manifest import Manifest, load_foreground, load_masks
from pipeline.errors import DataError
from pipeline.metrics.aupro import rank_pixels
from pipeline.metrics.evaluate import CategoryMetrics, evaluate
from pipeline.metrics.ranking import rank
from pipeline.report.curves import CURVES, pro_rows, roc_rows, write_rows
from pipeline.voting import VotingModel, object_score


@dataclass(frozen=True, eq=False)
class Results:
    """Results and truth of a category's test scans, in manifest order."""

    index: tuple[int, ...]  # position in the manifest
    ids: tuple[str, ...]
    defects: tuple[str, ...]
    labels: NDArray[np.bool_]  # (N,)
    masks: NDArray[np.bool_] | None  # (N, 224, 224); None where no scan has one
    maps: NDArray[np.float32]  # (N, 224, 224)
    foreground: NDArray[np.bool_]  # (N, 224, 224)
    scores: NDArray[np.float64]  # (N,) object scores
    threshold: float

    @classmethod
    def load(cls, prepared: Path, votes: Path, category: str) -> "Results":
        """Raises DataError where the category has no test scan."""
        manifest = Manifest.load(prepared)
        index = tuple(i for i, row in enumerate(manifest.rows) if row.split == "test")
        if not index:
            raise DataError(f"{category} has no test scans; there is nothing to evaluate")
        rows = [manifest.rows[i] for i in index]
        store = Store.open(votes / "anomaly.zarr", ANOMALY_KIND, category)
        maps = store.read_samples(ANOMALY.name, list(index))
        foreground = load_foreground(prepared, manifest)[list(index)]
        masked = any(row.label and row.mask for row in rows)
        return cls(
            index=index,
            ids=tuple(row.id for row in rows),
            defects=tuple(row.defect for row in rows),
            labels=np.array([row.label == 1 for row in rows]),
            masks=load_masks(prepared, manifest)[list(index)] if masked else None,
            maps=maps,
            foreground=foreground,
            scores=np.array([object_score(*pair) for pair in zip(maps, foreground, strict=True)]),
            threshold=VotingModel.load(votes / "voting.json").threshold,
        )

    def metrics(self, options: Evaluate) -> CategoryMetrics:
        return evaluate(
            self.maps, self.masks, self.scores, self.labels, self.defects, options.limits
        )


def write_metrics(path: Path, scans: Results, metrics: CategoryMetrics) -> None:
    """metrics.json of a category: metrics, the threshold and the errors it makes on test."""
    rejected = scans.scores > scans.threshold
    decisions = {
        "threshold": scans.threshold,
        "false_alarms": int((rejected & ~scans.labels).sum()),
        "misses": int((~rejected & scans.labels).sum()),
    }
    objects = [
        {"id": scan, "defect": defect, "score": float(score), "defective": bool(decision)}
        for scan, defect, score, decision in zip(
            scans.ids, scans.defects, scans.scores, rejected, strict=True
        )
    ]
    content = metrics.to_json() | {"decisions": decisions, "scans": objects}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def write_curves(folder: Path, category: str, scans: Results) -> None:
    """ROC of objects and pixels, and PRO; empty lists where a class is missing."""
    both = bool(scans.labels.any() and not scans.labels.all())
    objects = roc_rows(category, rank(scans.labels, scans.scores)) if both else []
    pixels = pro = []
    if scans.masks is not None and scans.masks.any():
        ranking = rank_pixels(scans.maps, scans.masks)
        pixels, pro = roc_rows(category, ranking.roc), pro_rows(category, ranking)
    for name, rows in zip(CURVES, (objects, pixels, pro), strict=True):
        write_rows(folder / f"{name}.json", rows)
