"""The views of a category, in views.json: what the report shows of each test scan.

`mentor3ad.drawing.capture` makes it while the raw scans are read; the report stage only puts these
files together, and reads no scan and no store.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from ..plumbing.documents import dump_json
from ..plumbing.errors import CacheError
from ..seals.seal import remedy
from ..seals.sealed import Sealed

EVALUATION = "eval"  # the kind of the out
VIEWS_FILE = "views.json"
PANELS_FOLDER = "panels"  # beside it: the heatmap panels, which mentor3ad.drawing.gallery draws
Ranges = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Region:
    """A connected region of the part above the threshold.

    Attributes:
        column, row: of the raw scan, under the region's centre.
        length_mm, width_mm: how far its points reach along their two longest axes.
        mean, highest: of the anomaly map in it.
    """

    column: int
    row: int
    length_mm: float
    width_mm: float
    mean: float
    highest: float


@dataclass(frozen=True)
class Alarm:
    """Where a scan's object score comes from.

    Attributes:
        column, row: of the raw scan, where the anomaly map is highest on the part.
        shares: of each score map in that value, by its name; they sum to 1. Empty: none is known.
        regions: those above the threshold, the highest first, the others left out beyond some.
        n_regions: how many there are.
    """

    column: int
    row: int
    shares: dict[str, float]
    regions: tuple[Region, ...]
    n_regions: int


@dataclass(frozen=True)
class ScanView:
    """One scan; its texts are base64 of what mentor3ad.drawing.encoding makes."""

    id: str
    masked: bool  # whether the ground truth of its pixels is known
    picture: str
    maps: str
    masks: str
    cloud: str
    grid: int
    origin: tuple[float, float, float]
    step: float
    alarm: Alarm


@dataclass(frozen=True)
class CategoryViews:
    """The test scans of a category, or some of them, and what is behind its decisions.

    There are at most evaluate.most_views. With evaluate.views off there are neither scans nor
    ranges.

    Attributes:
        ranges: colour range of each score map and of the anomaly map.
        target_fpr: share of good scans that the threshold may call defective.
        calibration_scans: held-out good scans behind the threshold.
        data_sha256: hash of the content of all scans, in the manifest's order.
        scores_sha256: fingerprint of the score maps, which stands for all that made them.
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
        path.write_text(dump_json(asdict(self), indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, sealed: Sealed) -> CategoryViews:
        """Those in the out of an evaluation.

        Raises:
            CacheError: they are missing, damaged or of another category.
        """
        path = sealed.folder / VIEWS_FILE
        try:
            views = TypeAdapter(cls).validate_json(sealed.read(VIEWS_FILE))
        except ValueError as error:
            reason = " ".join(str(error).split())[:200]
            raise CacheError(f"{path}: no views ({reason}); `dvc repro` makes them") from None
        if views.category != sealed.seal.category:
            raise CacheError(f"{path} is of {views.category}; {remedy(sealed.folder)}")
        return views
