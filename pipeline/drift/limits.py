"""Where the limits of a chart lie, and how often a chart of sound scans passes them.

A chart smooths standardised values z with an exponentially weighted moving average (EWMA), from 0:
level = (1 - WEIGHT) level + WEIGHT z, and raises an alarm where the level passes its limit. The
mean number of points until then is the run length, here that of a Markov chain over a grid of
levels (Brook and Evans, Biometrika 59, 1972).

The n good scans that z is measured with know the mean only to 1 / sqrt(n) of a deviation, and the
deviation to 1 / sqrt(2 n) of itself. So the run length is one of each error that may have been
made, and the chance of an alarm is averaged over these errors. Points that follow each other are
alike, to a correlation of `CORRELATION` at most; an average of such points spreads as one of
independent points with a larger weight does, and that weight is what the chain runs with.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEIGHT = 0.05  # of a point
SLOT_S = 120.0  # seconds whose scans are one point
MONTH = 21_600  # points: 30 days with one in each slot
CHANCE = 0.005  # that a chart of sound scans raises an alarm in such a month
CORRELATION = 0.3  # of a point with the next one, that the limits allow for
LEAST_SCANS = 8  # good scans, below which no limit lies within what z can be

_LEVELS, _STEPS, _HALVINGS = 61, 81, 12  # of the grid, of z, of the search for a limit


def largest(values: int) -> float:
    """The largest z, of a value above all `values` of the reference."""
    from scipy.special import ndtri

    return float(ndtri(1 - 0.5 / (values + 1)))


def spread_weight(correlation: float) -> float:
    """The weight with which independent points spread as correlated ones do with `WEIGHT`."""
    alike = correlation * (1 - WEIGHT)
    spread = WEIGHT / (2 - WEIGHT) * (1 + alike) / (1 - alike)
    return 2 * spread / (1 + spread)


def run_lengths(
    limit: float, values: int, means: Floats, spreads: Floats, correlation: float = CORRELATION
) -> Floats:
    """The mean number of points until a level passes plus or minus the limit, by z's law.

    Args:
        limit: of the level.
        values: of the reference: they bound z.
        means, spreads: (K,) of a normal z.
    """
    weight, top = spread_weight(correlation), largest(values)
    steps, levels = np.linspace(-top, top, _STEPS), np.linspace(-limit, limit, _LEVELS)
    chances = _chances(steps, means, spreads)  # (K, steps)
    moves = _moves(levels, (1 - weight) * levels[:, None] + weight * steps)  # (steps, L, L)
    chain = np.eye(_LEVELS) - np.tensordot(chances, moves, axes=1)
    lengths = np.linalg.solve(chain, np.ones((len(means), _LEVELS, 1)))[:, _LEVELS // 2, 0]
    return np.where(lengths > 0, lengths, np.inf)  # a chain that never ends is singular in floats


def _chances(steps: Floats, means: Floats, spreads: Floats) -> Floats:
    """(K, steps) of a normal z; what is beyond the last step is at it."""
    from scipy.special import ndtr

    edges = (steps[1:] + steps[:-1]) / 2
    below = ndtr((edges - means[:, None]) / spreads[:, None])
    ends = np.zeros((len(means), 1)), np.ones((len(means), 1))
    return np.diff(np.concatenate([ends[0], below, ends[1]], axis=1), axis=1)


def _moves(levels: Floats, targets: Floats) -> Floats:
    """(steps, L, L) from level to level; a target between two is shared, one outside is lost."""
    count = len(levels)
    place = (targets - levels[0]) / (levels[1] - levels[0])  # (L, steps)
    first = np.clip(np.floor(place).astype(int), 0, count - 2)
    moves = np.zeros((targets.shape[1], count, count))
    starts, steps = np.nonzero((place >= 0) & (place <= count - 1))
    low = first[starts, steps]
    share = place[starts, steps] - low
    moves[steps, starts, low], moves[steps, starts, low + 1] = 1 - share, share
    return moves


def chance_of_alarm(
    limit: float,
    scans: int,
    values: int | None = None,
    correlation: float = CORRELATION,
    points: int = MONTH,
) -> float:
    """The chance that sound scans raise an alarm within so many points, over all references.

    Args:
        scans: good scans behind the reference.
        values: those that are kept of them; None: all.
    """
    means, mean_chances = _normal(np.linspace(0, 5, 26), 1 / np.sqrt(scans))
    logs, log_chances = _normal(np.linspace(-3, 3, 7), 1 / np.sqrt(2 * scans))
    mean_chances[0] /= 2  # the others stand for both signs
    mean_chances /= mean_chances.sum()
    each = np.repeat(means, len(logs)), np.tile(np.exp(logs), len(means))
    lengths = run_lengths(limit, scans if values is None else values, *each, correlation)
    alarms = -np.expm1(-points / lengths).reshape(len(means), len(logs))
    return float(mean_chances @ alarms @ log_chances)


def _normal(at: Floats, deviation: float) -> tuple[Floats, Floats]:
    """Values of an error of this deviation, and their chances."""
    chances = np.exp(-(at**2) / 2)
    return at * deviation, chances / chances.sum()


@lru_cache(maxsize=64)
def limit_for(scans: int, values: int | None = None) -> float | None:
    """The limit at which the chance of an alarm in a month is `CHANCE`; None: too few scans."""
    if scans < LEAST_SCANS:
        return None
    low, high = 0.0, largest(scans if values is None else values)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if chance_of_alarm(middle, scans, values) > CHANCE:
            low = middle
        else:
            high = middle
    return high


def run_length() -> float:
    """The average run length that the limits promise, in points, over all references."""
    return -MONTH / float(np.log1p(-CHANCE))
