"""views.json of a category: what the report shows of each test scan, made while raw scans are read.

The report stage only puts these files together; it reads no scan and no store.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from pipeline.cache.maps import ANOMALY, MAPS, SCORES
from pipeline.cache.reader import Store
from pipeline.data.manifest import Manifest, load_foreground, load_masks
from pipeline.data.prepare import load_scan
from pipeline.data.resize import rgb_u8
from pipeline.errors import CacheError
from pipeline.report.encoding import encode_cloud, encode_maps, encode_masks, encode_picture
from pipeline.report.panels import colour_range
from pipeline.voting import VotingModel

VIEWS_FILE = "views.json"
FINAL = "anomaly"
Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class ScanView:
    """One scan, base64 of what pipeline.report.encoding makes."""

    id: str
    masked: bool  # whether the ground truth of its pixels is known
    picture: str
    maps: str
    masks: str
    cloud: str
    grid: int
    origin: tuple[float, float, float]
    step: float


@dataclass(frozen=True)
class CategoryViews:
    """All test scans of a category, and what is behind its decisions.

    Attributes:
        ranges: colour range of each score map and of the anomaly map.
        target_fpr: share of good scans that the threshold may call defective.
        calibration_scans: held-out good scans behind the threshold.
        data_sha256: of all its scans' content, in the manifest's order.
        scores_sha256: fingerprint of the score maps, and so of all that made them.
    """

    category: str
    ranges: Ranges
    target_fpr: float
    calibration_scans: int
    data_sha256: str
    scores_sha256: str
    scans: tuple[ScanView, ...]

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> CategoryViews:
        """Raises CacheError where the file is missing or not one of these."""
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CacheError(f"{path}: no views ({reason}); `dvc repro` makes them") from None


def category_views(
    root: Path,
    prepared: Path,
    scores: Store,
    anomaly: Store,
    model: VotingModel,
    bar: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> CategoryViews:
    """The views of a category's test scans, in manifest order, also of those without truth.

    Args:
        root: folder of the raw categories; prepared: of the category's manifest.
    """
    manifest = Manifest.load(prepared)
    test = [i for i, row in enumerate(manifest.rows) if row.split == "test"]
    foreground, truth = load_foreground(prepared, manifest), load_masks(prepared, manifest)
    maps = _maps(scores, anomaly, test)
    names = (*MAPS, FINAL)
    ranges = {n: colour_range(maps[:, k], foreground[test]) for k, n in enumerate(names)}

    def view(n: int) -> ScanView:
        row, i = manifest.rows[test[n]], test[n]
        scan = load_scan(root, row, foreground[i])
        cloud = encode_cloud(scan.points)
        return ScanView(
            id=row.id,
            masked=row.label == 0 or row.mask is not None,
            picture=_text(encode_picture(rgb_u8(scan.rgb))),
            maps=_text(encode_maps(maps[n], list(ranges.values()))),
            masks=_text(encode_masks(foreground[i], truth[i])),
            cloud=_text(cloud.data),
            grid=cloud.grid,
            origin=cloud.origin,
            step=cloud.step,
        )

    return CategoryViews(
        category=manifest.category,
        ranges=ranges,
        target_fpr=model.target_fpr,
        calibration_scans=model.calibration_scans,
        data_sha256=_content_sha256(manifest),
        scores_sha256=scores.manifest.fingerprint,
        scans=tuple(view(n) for n in bar(range(len(test)))),
    )


def _maps(scores: Store, anomaly: Store, test: list[int]) -> np.ndarray:
    """(N, 4, 224, 224): the three score maps and the anomaly map."""
    if not test:
        return np.zeros((0, len(MAPS) + 1, *ANOMALY.shape), dtype=np.float32)
    final = anomaly.read_samples(ANOMALY.name, test)[:, None]
    return np.concatenate([scores.read_samples(SCORES.name, test), final], axis=1)


def _content_sha256(manifest: Manifest) -> str:
    return hashlib.sha256("\n".join(row.sha256 for row in manifest.rows).encode()).hexdigest()


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
