"""The heatmap panels of one category's test scans."""

from collections.abc import Callable, Iterable
from pathlib import Path

from ..cache.maps import MAPS, SCORES
from ..cache.reader import Store
from ..dataset.manifest import Manifest
from ..exhibits.store import Exhibits
from ..plumbing.parallel import in_threads
from ..rating.results import Results
from .panels import MapView, Panel, choose_scans, colour_range, draw_panel

LABELS = {"rgb": "S_RGB", "xyz": "S_XYZ", "mtr": "S_Mtr"}


def draw_gallery(
    folder: Path,
    prepared: Path,
    scores: Store,
    scans: Results,
    count: int,
    bar: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> None:
    """Draw panels of at most `count` scans: of each defect kind, of misses, of false alarms.

    Args:
        folder: where each scan gets a PNG, named by its id.
        prepared: folder of the category's manifest.
    """
    if not scans.index:
        return
    manifest = Manifest.load(prepared)
    exhibits = Exhibits.load(prepared, manifest)
    maps = scores.read_samples(SCORES.name, list(scans.index))  # (N, K, 224, 224), eq. 5's first
    ranges = [colour_range(maps[:, k], scans.foreground) for k in range(len(MAPS))]
    final = colour_range(scans.maps, scans.foreground)

    def draw(i: int) -> None:
        row = manifest.rows[scans.index[i]]
        views = tuple(MapView(LABELS[name], maps[i, k], *ranges[k]) for k, name in enumerate(MAPS))
        panel = Panel(
            category=manifest.category,
            scan_id=row.id,
            defect=row.defect,
            rgb=exhibits.picture(scans.index[i]),
            depth=exhibits.points(scans.index[i])[..., 2],
            foreground=scans.foreground[i],
            mask=None if scans.masks is None else scans.masks[i],
            score_maps=views,
            anomaly=MapView("anomaly", scans.maps[i], *final),
            score=float(scans.scores[i]),
            threshold=scans.threshold,
        )
        draw_panel(folder / f"{row.id.replace('/', '_')}.png", panel)

    in_threads(draw, choose_scans(scans.scores, scans.labels, scans.defects, count), bar)
