"""What held-out good scans say of the score maps: how far to trust each, and the part's outline.

A map's tail is the logarithm of how many times its mean a typical good part shows at worst, once
smoothed. The longer it is, the less a high score says. docs/decisions/0015 has the measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from ..dataset.grid import SIZE
from ..params.section import Positive
from ..plumbing.errors import TrainingError
from .each import Each
from .pooled import Pooled
from .smoothing import Floats, box_means, filled_means

POWER = 3  # a map's exponent in the product is its tail to the minus this
REACH = 4  # pixels past the foreground that take the nearest score, where the outline counts
FLOOR = 1e-3  # of a map's mean: no score below it makes the product vanish
NO_SPREAD = "a score map of the good scans has no spread; the features are constant"

Mask = NDArray[np.bool_]
Reach = Annotated[int, Field(ge=0, le=SIZE)]


@dataclass(frozen=True)
class Trust:
    """How a part's score maps are multiplied, and how all are smoothed."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    means: tuple[Positive, ...]  # of each of K maps on good foreground pixels
    exponents: tuple[Positive, ...]  # of each map over its mean, in the product; their mean is 1
    reach: Reach  # pixels past the foreground that count; 0: scores fade towards the outline

    def check(self, maps: int) -> None:
        """Raises ValueError unless it is for a number of maps."""
        for name in ("means", "exponents"):
            if len(getattr(self, name)) != maps:
                raise ValueError(f"trust.{name} has {len(getattr(self, name))} numbers, not {maps}")

    def members(self, maps: np.ndarray, part: Mask, sides: Sequence[int]) -> Floats:
        """The smoothed maps, and behind them their product, smoothed: (K + 1, H, W).

        Args:
            maps: (K, H, W), 0 on the background; part: (H, W), the foreground.
        """
        ratios = np.maximum(maps.astype(np.float64).T / self.means, FLOOR).T
        product = np.exp(np.tensordot(self.exponents, np.log(ratios), axes=1)) * part
        return smoothed(np.concatenate([maps, product[None]]), part, sides, self.reach)


def smoothed(maps: np.ndarray, part: Mask, sides: Sequence[int], reach: int) -> Floats:
    """Box means of maps (K, H, W), or with a reach the means of the part's pixels alone."""
    return filled_means(maps, part, sides, reach) if reach else box_means(maps, sides)


def fit_trust(scans: Sequence[np.ndarray], parts: Sequence[Mask], sides: Sequence[int]) -> Trust:
    """Find the exponents and the reach from held-out good scans alone.

    Exponents are tails to the power of -`POWER`. Whether the outline counts depends on how calm
    good parts are there: with `filled_means` an outline that is noisy on good parts makes tails
    longer than with box means, and then these are taken.

    Args:
        scans: (K, H, W) each, taken one by one; parts: (H, W), their foregrounds.
        sides: of the boxes.

    Raises:
        TrainingError: a map without any spread.
    """
    fading, filled = (_tails(scans, parts, sides, reach) for reach in (0, REACH))
    exponents = filled**-POWER
    means = [maps[:, part].mean(axis=1) for maps, part in zip(scans, parts, strict=True)]
    return Trust(
        means=tuple(np.mean(means, axis=0).tolist()),
        exponents=tuple((exponents / exponents.mean()).tolist()),
        reach=REACH if filled.mean() <= fading.mean() else 0,
    )


def _tails(
    scans: Sequence[np.ndarray], parts: Sequence[Mask], sides: Sequence[int], reach: int
) -> Floats:
    """The tail (K,) of each map."""

    def values(scan: int) -> Floats:
        part = parts[scan]
        return smoothed(scans[scan], part, sides, reach)[:, part]

    pool = Pooled.of(Each(range(len(scans)), values))
    if not (pool.mean > 0).all() or not (pool.typical_worst > pool.mean).all():
        raise TrainingError(NO_SPREAD)
    return np.log(pool.typical_worst / pool.mean)
