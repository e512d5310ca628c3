"""Evaluates one category: compares its test scans' maps with the ground truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..cache.maps import ANOMALY
from ..dataset.bitmaps import BitMaps
from ..dataset.grid import inside_scan
from ..dataset.manifest import (
    PREPARED,
    Manifest,
    ManifestRow,
    load_foreground,
    load_masks,
    load_published_masks,
    load_whole_masks,
)
from ..dataset.window import carry
from ..evaluation.metrics import CategoryMetrics, Rankings, rank_scans
from ..evaluation.pixels import rank_pixels
from ..plumbing.documents import write_json
from ..plumbing.words import are, counted, has
from ..seals.sealed import Sealed, check_chain
from ..voting.each import Each
from ..voting.model import exceeds, object_score
from ..voting.votes import Votes

ReadMap = Callable[[int], NDArray[np.float32]]  # (224, 224) at a position of the manifest
Masks = Sequence[NDArray[np.bool_]]
Maps = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Results:
    """Results and truth of the test scans that have a truth, in manifest order.

    Maps and masks are N arrays (224, 224), each read when it is asked for and held by nobody.
    """

    index: tuple[int, ...]  # position in the manifest
    ids: tuple[str, ...]
    defects: tuple[str, ...]
    labels: NDArray[np.bool_]  # (N,)
    masks: Masks | None  # None unless every defective scan has one
    published_masks: Masks | None  # `masks` with the padding that CFM counts
    valid: Masks | None  # False on padding; None: there is none
    maps: Maps
    foreground: Masks
    whole_masks: Masks | None  # `masks`, but of the whole scans if these are cropped
    whole_maps: Maps  # `maps`, likewise
    scores: NDArray[np.float64]  # (N,) object scores
    threshold: float
    unlabelled: tuple[tuple[str, float], ...]  # id and object score of test scans without truth
    notes: tuple[str, ...]  # sentences that say which metrics are missing, and what is odd
    unlike: Mapping[str, str] = field(default_factory=dict)  # unlike the training: why, by id

    @classmethod
    def load(cls, prepared: Path, votes: Path, category: str) -> "Results":
        """Raises DataError or CacheError where preparation or votes cannot be used together."""
        manifest = Manifest.load(prepared)
        voted = Votes.open(votes, category)
        check_chain([Sealed.open(prepared, PREPARED, category), voted.sealed])
        read = partial(voted.maps.read, ANOMALY.name)
        return cls.of(prepared, manifest, read, voted.model.threshold, voted.unlike)

    @classmethod
    def of(
        cls,
        prepared: Path,
        manifest: Manifest,
        read: ReadMap,
        threshold: float,
        unlike: Mapping[str, str] = MappingProxyType({}),
    ) -> "Results":
        """Results of any method's anomaly maps.

        Args:
            prepared: folder of the manifest.
            read: reads the anomaly map at a position of the manifest, of a test scan.
            threshold: the object score above which a part is defective.
            unlike: why scans are unlike the training, by id.

        Raises:
            DataError: the preparation cannot be used.
        """
        test = [i for i, row in enumerate(manifest.rows) if row.split == "test"]
        index = [i for i in test if manifest.rows[i].label is not None]
        unknown = [i for i in test if manifest.rows[i].label is None]
        rows = Each(index, manifest.rows.__getitem__)
        masked = all(row.mask for row in rows if row.label)
        load = partial(_chosen, prepared, manifest, index)
        foreground, maps = _chosen(prepared, manifest, test, load_foreground), Each(test, read)
        scores = dict(zip(test, map(object_score, maps, foreground), strict=True))
        labelled = Each(index, read)
        return cls(
            index=tuple(index),
            ids=tuple(row.id for row in rows),
            defects=tuple(row.defect for row in rows),
            labels=np.array([row.label == 1 for row in rows], dtype=bool),
            masks=load(load_masks) if masked else None,
            published_masks=load(load_published_masks) if masked else None,
            valid=_inside(rows),
            maps=labelled,
            whole_masks=load(load_whole_masks) if masked else None,
            whole_maps=_whole(labelled, rows),
            foreground=load(load_foreground),
            scores=np.array([scores[i] for i in index], dtype=np.float64),
            threshold=threshold,
            unlabelled=tuple((manifest.rows[i].id, scores[i]) for i in unknown),
            notes=_notes(rows, len(unknown))
            + _unlike_note(unlike, [manifest.rows[i].id for i in test]),
            unlike=unlike,
        )

    def rankings(self, folder: Path | None = None) -> Rankings:
        """The sorted scores that metrics and curves are read from; pixels are of whole scans.

        Args:
            folder: see `rank_scans`.
        """
        objects = self.scores, self.labels, self.defects
        rankings = rank_scans(self.whole_maps, self.whole_masks, *objects, self.valid, folder)
        if self.valid is None or self.published_masks is None or rankings.pixels is None:
            return rankings
        return replace(rankings, padded=rank_pixels(self.whole_maps, self.published_masks, folder))

    def object_scores(self) -> dict[str, float]:
        """The object score of every test scan by its id, with or without truth."""
        return dict(zip(self.ids, self.scores.tolist(), strict=True)) | dict(self.unlabelled)

    def decisions(self) -> dict[str, float]:
        """The threshold, and how often it is wrong on the test scans with a known label."""
        rejected = exceeds(self.scores, self.threshold)
        return {
            "threshold": self.threshold,
            "false_alarms": int((rejected & ~self.labels).sum()),
            "misses": int((~rejected & self.labels).sum()),
        }


def _chosen(
    prepared: Path,
    manifest: Manifest,
    index: Sequence[int],
    load: Callable[[Path, Manifest], BitMaps],
) -> Masks:
    """The masks at some positions of the manifest, of those that `load` opens."""
    masks = load(prepared, manifest)
    return Each(index, lambda position: masks[position])


def _inside(rows: Sequence[ManifestRow]) -> Masks | None:
    """False in the padding of scans that are not square; None where all are."""
    if all(row.height == row.width for row in rows):
        return None
    return Each(rows, lambda row: inside_scan(row.height, row.width))


def _whole(maps: Maps, rows: Sequence[ManifestRow]) -> Maps:
    """Bring maps to the pixels of the whole scans; they are 0 outside a crop."""
    if all(row.crop is None for row in rows):
        return maps
    return Each(range(len(rows)), lambda i: carry(maps[i], rows[i].window, rows[i].whole))


def _notes(rows: Sequence[ManifestRow], unknown: int) -> tuple[str, ...]:
    """A sentence for each thing that the labelled test scans lack for some metrics."""
    notes = []
    if unknown:
        scans = f"{counted(unknown, 'test scan')} {has(unknown)}"
        notes.append(f"{scans} no ground truth: scored, but not evaluated.")
    defective = sum(bool(row.label) for row in rows)
    unmasked = sum(bool(row.label) and row.mask is None for row in rows)
    if not rows and not unknown:
        notes.append("There are no test scans: no metrics can be computed.")
    elif not rows:
        notes.append("No test scan has a known label: no metrics can be computed.")
    elif not defective:
        notes.append("No test scan is defective: no metrics can be computed.")
    elif defective == len(rows):
        notes.append("No test scan is good: no object metrics can be computed.")
    if unmasked:
        notes.append(
            f"{unmasked} of {counted(defective, 'defective test scan')} {has(unmasked)} no "
            "ground-truth mask: "
            "only object metrics can be computed."
        )
    return tuple(notes)


def _unlike_note(unlike: Mapping[str, str], ids: Sequence[str]) -> tuple[str, ...]:
    """A sentence on those test scans that are unlike the training, if there are any."""
    found = [name for name in ids if name in unlike]
    if not found:
        return ()
    rest = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return (
        f"{counted(len(found), 'test scan')} {are(len(found))} unlike those of the training, so "
        f"prediction would decide nothing of it: {found[0]} ({unlike[found[0]]}){rest}.",
    )


def write_metrics(path: Path, scans: Results, metrics: CategoryMetrics) -> None:
    """Write metrics.json: the metrics, the threshold, its errors on the test scans, and notes.

    A scan without ground truth has its score and decision, and null for its defect. One that is
    unlike the training counts in all metrics, and has the reason.
    """
    known = zip(scans.ids, scans.defects, scans.scores.tolist(), strict=True)
    unknown = ((scan, None, score) for scan, score in scans.unlabelled)
    objects = [
        {"id": i, "defect": d, "score": s, "defective": bool(exceeds(s, scans.threshold))}
        | ({"unlike": scans.unlike[i]} if i in scans.unlike else {})
        for i, d, s in (*known, *unknown)
    ]
    notes = {"notes": list(scans.notes)}
    content = metrics.to_json() | {"decisions": scans.decisions(), "scans": objects} | notes
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, content)
