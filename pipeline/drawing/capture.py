"""Makes the views of a category's test scans for the report."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..cache.maps import ANOMALY, MAPS, SCORES
from ..cache.reader import Store
from ..dataset.bitmaps import BitMaps
from ..dataset.manifest import Manifest, ManifestRow
from ..evaluation.views import Alarm, CategoryViews, ScanView
from ..exhibits.store import Exhibits
from ..plumbing.parallel import in_threads
from ..voting.each import Each
from ..voting.model import VotingModel
from .alarm import alarm_of, predicted
from .encoding import encode_cloud, encode_maps, encode_masks, encode_picture
from .ranges import colour_ranges

Maps = NDArray[np.float32]

LAYERS = (*MAPS, "anomaly")


def category_views(
    manifest: Manifest,
    exhibits: Exhibits,
    truth: BitMaps,
    scores: Store,
    anomaly: Store,
    model: VotingModel,
    shown: Sequence[int],
    bar: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> CategoryViews:
    """Make the views of some test scans of a category, with or without truth, in manifest order.

    Args:
        manifest, exhibits, truth: of the category; `truth` as of `load_masks`.
        shown: their positions in the manifest; without any there is only what stands behind
            decisions. Colours are of all test scans.
    """
    test = exhibits.tested if shown else ()

    def maps_of(position: int) -> tuple[Maps, Maps]:
        """The score maps (K, 224, 224) of a scan, and its anomaly map (224, 224)."""
        return scores.read(SCORES.name, position), anomaly.read(ANOMALY.name, position)

    def on_part(position: int) -> Maps:
        return _layers(*maps_of(position))[:, exhibits.foreground[position]]

    limits = colour_ranges(Each(test, on_part))

    def view(position: int) -> ScanView:
        row, points = manifest.rows[position], exhibits.points(position)
        score_maps, final = maps_of(position)
        alarm = alarm_of(score_maps, final, points, row.window, model.anomaly_map, model.threshold)
        foreground = exhibits.foreground[position]
        shown = predicted(final, foreground, model.threshold)
        masks = encode_masks(foreground, truth[position], shown)
        maps = encode_maps(_layers(score_maps, final), limits)
        return _view(row, exhibits.picture(position), points, masks, maps, alarm)

    return CategoryViews(
        category=manifest.category,
        ranges=dict(zip(LAYERS, limits, strict=bool(test))),
        target_fpr=model.target_fpr,
        calibration_scans=model.calibration_scans,
        data_sha256=content_sha256(manifest),
        scores_sha256=scores.manifest.fingerprint,
        scans=tuple(in_threads(view, shown, bar)),
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


def _layers(score_maps: Maps, anomaly: Maps) -> Maps:
    """What is shown of a scan's maps: (4, 224, 224)."""
    return np.concatenate([score_maps[: len(MAPS)], anomaly[None]])


def content_sha256(manifest: Manifest) -> str:
    """One hash of the content of all of a category's scans, in their order."""
    return hashlib.sha256("\n".join(row.sha256 for row in manifest.rows).encode()).hexdigest()


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")
