"""The heatmap panels of one category's test scans."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from ..cache.maps import MAPS, SCORES
from ..cache.reader import Store
from ..dataset.manifest import Manifest
from ..exhibits.store import Exhibits
from ..plumbing.parallel import in_threads
from ..rating.results import Results
from ..voting.each import Each
from .panels import MapView, Panel, choose_scans, draw_panel
from .ranges import Range, colour_ranges

LABELS = {"rgb": "S_RGB", "xyz": "S_XYZ", "mtr": "S_Mtr"}


def draw_gallery(
    folder: Path,
    manifest: Manifest,
    exhibits: Exhibits,
    scores: Store,
    scans: Results,
    count: int,
    known: Sequence[Range] = (),
    bar: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> None:
    """Draw panels of at most `count` scans: of each defect kind, of misses, of false alarms.

    Args:
        folder: where each scan gets a PNG, named by its id.
        manifest, exhibits: of the category.
        known: the colour ranges of the four maps, where these very scans' are known.
    """
    if not scans.index or not count:
        return

    def maps_of(i: int) -> np.ndarray:
        """S_RGB, S_XYZ, S_Mtr and the anomaly map of a scan: (4, 224, 224)."""
        return np.stack([*scores.read(SCORES.name, scans.index[i])[: len(MAPS)], scans.maps[i]])

    on_part = Each(range(len(scans.index)), lambda i: maps_of(i)[:, scans.foreground[i]])
    *ranges, final = known or colour_ranges(on_part)

    def draw(i: int) -> None:
        row, maps = manifest.rows[scans.index[i]], maps_of(i)
        views = tuple(MapView(LABELS[name], maps[k], *ranges[k]) for k, name in enumerate(MAPS))
        panel = Panel(
            category=manifest.category,
            scan_id=row.id,
            defect=row.defect,
            rgb=exhibits.picture(scans.index[i]),
            depth=exhibits.points(scans.index[i])[..., 2],
            foreground=scans.foreground[i],
            mask=None if scans.masks is None else scans.masks[i],
            score_maps=views,
            anomaly=MapView("anomaly", maps[-1], *final),
            score=float(scans.scores[i]),
            threshold=scans.threshold,
        )
        draw_panel(folder / f"{row.id.replace('/', '_')}.png", panel)

    in_threads(draw, choose_scans(scans.scores, scans.labels, scans.defects, count), bar)
