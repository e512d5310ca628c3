"""Makes the views of a category's test scans for the report."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cache.maps import ANOMALY, MAPS, SCORES
from ..cache.reader import Store
from ..dataset.manifest import Manifest, ManifestRow, load_masks
from ..evaluation.views import Alarm, CategoryViews, ScanView
from ..exhibits.store import Exhibits
from ..plumbing.parallel import in_threads
from ..voting.model import VotingModel
from .alarm import alarm_of, predicted
from .encoding import encode_cloud, encode_maps, encode_masks, encode_picture
from .panels import colour_range

LAYERS = (*MAPS, "anomaly")


def category_views(
    prepared: Path,
    scores: Store,
    anomaly: Store,
    model: VotingModel,
    with_scans: bool = True,
    bar: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> CategoryViews:
    """Make the views of all test scans of a category, with or without truth, in manifest order.

    Args:
        prepared: folder of the category's manifest.
        with_scans: whether there are views of scans; else only what stands behind decisions.
    """
    manifest = Manifest.load(prepared)
    exhibits = Exhibits.load(prepared, manifest)
    test = list(exhibits.tested) if with_scans else []
    truth = load_masks(prepared, manifest)[test]
    score_maps, final = _maps(scores, anomaly, test)
    maps = np.concatenate([score_maps[:, : len(MAPS)], final[:, None]], axis=1)
    names = LAYERS if with_scans else ()
    foreground = exhibits.foreground[test]
    ranges = {n: colour_range(maps[:, k], foreground) for k, n in enumerate(names)}
    limits = list(ranges.values())

    def view(n: int) -> ScanView:
        row, points = manifest.rows[test[n]], exhibits.points(test[n])
        alarm = alarm_of(
            score_maps[n], final[n], points, row.window, model.anomaly_map, model.threshold
        )
        shown = predicted(final[n], foreground[n], model.threshold)
        masks = encode_masks(foreground[n], truth[n], shown)
        picture = exhibits.picture(test[n])
        return _view(row, picture, points, masks, encode_maps(maps[n], limits), alarm)

    return CategoryViews(
        category=manifest.category,
        ranges=ranges,
        target_fpr=model.target_fpr,
        calibration_scans=model.calibration_scans,
        data_sha256=content_sha256(manifest),
        scores_sha256=scores.manifest.fingerprint,
        scans=tuple(in_threads(view, range(len(test)), bar)),
    )


def _view(
    row: ManifestRow,
    picture: NDArray[np.uint8],
    points: NDArray[np.float32],
    masks: bytes,
    maps: bytes,
    alarm: Alarm,
) -> ScanView:
    cloud = encode_cloud(points)
    return ScanView(
        id=row.id,
        masked=row.label == 0 or row.mask is not None,
        picture=_text(encode_picture(picture)),
        maps=_text(maps),
        masks=_text(masks),
        cloud=_text(cloud.data),
        grid=cloud.grid,
        origin=cloud.origin,
        step=cloud.step,
        alarm=alarm,
    )


def _maps(
    scores: Store, anomaly: Store, test: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The score maps (N, K, 224, 224) and the anomaly map (N, 224, 224) of each scan."""
    if not test:
        empty = np.zeros((0, *ANOMALY.shape), dtype=np.float32)
        return np.repeat(empty[:, None], len(MAPS), axis=1), empty
    return scores.read_samples(SCORES.name, test), anomaly.read_samples(ANOMALY.name, test)


def content_sha256(manifest: Manifest) -> str:
    """One hash of the content of all of a category's scans, in their order."""
    return hashlib.sha256("\n".join(row.sha256 for row in manifest.rows).encode()).hexdigest()


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
