"""What an inspection found: a decision, or why there is none, and the maps behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..dataset.window import Window, carry
from ..preparation.prepare import PreparedScan
from ..voting.model import exceeds

Status = Literal["good", "defective", "unlike training"]
UNLIKE: Status = "unlike training"


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found on one scan; all maps are 224 x 224, as the networks saw it.

    With `data.crop: part` they are of the part's square, `window`; `map_in_picture` brings the
    anomaly map back to the picture.

    Attributes:
        score: object score, the anomaly map's maximum over the foreground.
        threshold: a part with a score above it is defective.
        anomaly_map: (224, 224) float32, at least 0. It spreads up to 19 pixels past the
            foreground, over pixels where a crack returned no point.
        score_maps: (K, 224, 224) float32, S_RGB, S_XYZ and S_Mtr, and behind them those of a
            memory; 0 on the background.
        scan: the image and the points (metres, camera frame) as the networks saw them.
        seconds: of each step, in the order of `STEPS`. Where scans are extracted together, `group`
            only normalises the points, and `features` (with FPS, neighbours and copies) and `score`
            are the batch's time divided by its scans.
        shares: of each score map in the object score, by name; see `VotingModel.shares`.
        unlike: why the scan is unlike those of the training, so that its score says nothing; None:
            it is like them, or the model does not know what those show.
        measures: what that was decided by, by the name of the measure (`voting/likeness.py`); empty
            where the model does not know.
    """

    score: float
    threshold: float
    anomaly_map: NDArray[np.float32]
    score_maps: NDArray[np.float32]
    scan: PreparedScan
    seconds: Mapping[str, float]
    shares: Mapping[str, float] = field(default_factory=dict)
    unlike: str | None = None
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def defective(self) -> bool:
        """Whether the score is above the threshold; `status` says whether that is a decision."""
        return bool(exceeds(self.score, self.threshold))

    @property
    def status(self) -> Status:
        """The decision, which a scan unlike those of the training does not get."""
        if self.unlike is not None:
            return UNLIKE
        return "defective" if self.defective else "good"

    @property
    def foreground(self) -> NDArray[np.bool_]:
        """(224, 224) bool: pixels with a point of the part."""
        return self.scan.foreground

    @property
    def window(self) -> Window:
        """The square of the raw scan, in its pixels, that all maps cover."""
        return self.scan.window

    def map_in_picture(self, height: int, width: int) -> NDArray[np.float32]:
        """The anomaly map in the pixels of the raw picture (H, W); 0 outside the window."""
        whole = Window.whole(height, width)
        square = carry(self.anomaly_map, self.window, whole, size=whole.side)
        return square[-whole.top : height - whole.top, -whole.left : width - whole.left]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(224, 224) bool: foreground above the threshold; empty where the part is good."""
        return exceeds(self.anomaly_map, self.threshold) & self.foreground
