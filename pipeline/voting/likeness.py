"""Whether a scan is like those of the training, so that a decision on it can be trusted.

Each trait of a scan, and how badly image and geometry fit each other, has a limit: a margin times
how far good scans lie from their median. A scan that is farther away in any of them is unlike the
training, and is neither good nor defective (docs/decisions/0021).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, TypeAdapter

from ..calibration.conformal import conformal_rank
from ..dataset.manifest import Manifest
from ..dataset.traits import TRAITS
from ..params.section import Count, Positive
from ..plumbing.documents import dump_json
from ..plumbing.errors import CacheError
from .words import Words, words_of

LIKENESS_FILE = "likeness.json"  # among a category's votes
UNLIKE_FILE = "unlike.json"  # of its scans that are unlike the training: why, by id
MISMATCH = "mismatch"  # the one measure that no trait of the scan is
MEASURES = (*TRAITS, MISMATCH)

MARGIN, MISMATCH_MARGIN = 2.0, 1.5  # times the reach of good scans
MOST_REASONS = 2
MOST_SAMPLE = 100  # values of a measure that are kept: of more scans so many quantiles

# The least reach of each measure, in its own unit: smaller deviations are never worth a stop, and
# a few scans of one hour know little of the next. LENGTHS are in standard deviations of the part
# along its longest axis.
LEAST_REACH = {
    "brightness": 0.15,
    "overexposed": 0.02,
    "black": 0.05,
    "contrast": 0.25,
    "red": 0.015,
    "blue": 0.015,
    "pixels": 0.1,
    "length": 0.08,
    "width": 0.08,
    "height": 0.3,
    "x": 0.12,
    "y": 0.12,
    "z": 0.12,
    "lean_x": 0.03,
    "lean_y": 0.03,
    "turn": 0.05,
    "skew": 0.05,
    "missing": 0.01,
    "border": 0.02,
    MISMATCH: 0.135,
}
LENGTHS = ("x", "y", "z")
ReadMaps = Callable[[int], np.ndarray]  # the score maps (K, 224, 224) of a scan, by its position
ONE_SIDED = ("overexposed", "black", "missing", "border", MISMATCH)  # less of them is no fault


@dataclass(frozen=True)
class MeasureRange:
    """What good scans show of one measure.

    Attributes:
        centre: their median.
        limit: how far from it a scan may lie.
        low, high: the least and the largest value of them.
    """

    centre: float
    limit: Positive
    low: float
    high: float


@dataclass(frozen=True)
class Likeness:
    """What scans like those of the training show, by measure.

    Attributes:
        scans: good scans behind the traits, held-out good ones behind the mismatch.
        target_fpr: share of good scans that may be called unlike the training.
        samples: sorted values of those scans by measure, or `MOST_SAMPLE` quantiles of more, which
            drift is told by; empty in a bundle of an older release.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    ranges: dict[str, MeasureRange]
    scans: Count
    held_out: Count
    target_fpr: Annotated[float, Field(gt=0, lt=1)]
    samples: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def deviations(self, measures: NDArray[np.float64]) -> NDArray[np.float64]:
        """(len(MEASURES),) how far each measure of a scan is from the median, over its limit."""
        found = []
        for name, value in zip(MEASURES, measures.tolist(), strict=True):
            known = self.ranges[name]
            away = (value - known.centre) / known.limit
            found.append(away if name in ONE_SIDED else abs(away))
        return np.array(found)

    def why_unlike(self, traits: NDArray[np.float64], score_maps: np.ndarray) -> str | None:
        """Why a scan is unlike those of the training, in a sentence; None: it is like them.

        Args:
            traits: (len(TRAITS),) of the scan.
            score_maps: (K, 224, 224) of the scan.
        """
        return self.why(measures_of(traits, score_maps))

    def why(self, measures: NDArray[np.float64]) -> str | None:
        """`why_unlike` of a scan's measures (len(MEASURES),)."""
        deviations = self.deviations(measures)
        wrong = [n for n in np.argsort(-deviations) if not deviations[n] <= 1]
        wrong.sort(key=lambda n: MEASURES[n] == MISMATCH)  # which the other faults bring about
        if not wrong:
            return None
        said: dict[str, str] = {}  # one reason a sentence: x, y and z say the same
        for n in wrong:
            known, value = self.ranges[MEASURES[n]], float(measures[n])
            words = words_of(MEASURES[n])
            said.setdefault(words.sentence(value >= known.centre), _numbers(words, value, known))
        reasons = [f"{why} ({numbers})" for why, numbers in list(said.items())[:MOST_REASONS]]
        return f"unlike the training: {'; '.join(reasons)}"

    def unlike(
        self, manifest: Manifest, traits: NDArray[np.float64], score_maps: ReadMaps
    ) -> dict[str, str]:
        """The scans of a category that are unlike the training: why, by their ids."""
        rows = enumerate(manifest.rows)
        found = ((row.id, self.why_unlike(traits[i], score_maps(i))) for i, row in rows)
        return {name: why for name, why in found if why}

    def save(self, path: Path) -> None:
        path.write_text(dump_json(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def parse(cls, content: bytes, path: Path) -> Likeness:
        """The content of the file at a path.

        Raises:
            CacheError: it is no likeness of sane numbers.
        """
        try:
            found = TypeAdapter(cls).validate_json(content)
            if set(found.ranges) != set(MEASURES) or set(found.samples) not in (
                set(),
                set(MEASURES),
            ):
                raise ValueError("its measures are not those of this release")
        except ValueError as error:  # a ValidationError is a ValueError
            reason = " ".join(str(error).split())
            raise CacheError(f"{path}: no likeness ({reason}); `dvc repro` makes it") from None
        return found


def learn_likeness(
    traits: NDArray[np.float64],
    train: Sequence[int],
    held_out: Sequence[int],
    score_maps: ReadMaps,
    target_fpr: float | None,
) -> Likeness | None:
    """`fit_likeness` on good scans; None without a target: the check is off.

    Args:
        traits: (N, len(TRAITS)) of all scans of a category.
        train, held_out: positions of its good scans.
    """
    if target_fpr is None:
        return None
    misfits = [mismatch(score_maps(i)) for i in held_out]
    return fit_likeness(traits[[*train, *held_out]], misfits, target_fpr)


def measures_of(traits: NDArray[np.float64], score_maps: np.ndarray) -> NDArray[np.float64]:
    """(len(MEASURES),) of a scan: its traits, and how badly its image and geometry fit."""
    return np.append(traits, mismatch(score_maps))


def mismatch(score_maps: np.ndarray) -> float:
    """How badly image and geometry of one scan fit each other: log2 of a reconstruction error.

    Where they do not belong together, or to another part, nearly every pixel is reconstructed
    badly, while a defect covers few. So it is the upper quartile of S_XYZ and of S_Mtr over the
    part, the mean of the logarithms of both. A map of zeros, as without a mentor, does not count.

    Args:
        score_maps: (K, 224, 224) S_RGB, S_XYZ, S_Mtr, and those of a memory.
    """
    part = (score_maps != 0).any(axis=0)
    quartiles = [float(np.percentile(one[part], 75)) for one in score_maps[1:3] if part.any()]
    seen = [np.log2(one) for one in quartiles if one > 0]
    return float(np.mean(seen)) if seen else 0.0


def fit_likeness(
    traits: NDArray[np.float64], held_out: Sequence[float], target_fpr: float
) -> Likeness:
    """Learn what good scans show.

    The reach of each measure is the conformal quantile of the good scans' distances from their
    median, at an equal share of the target for each measure, so that all of them together keep it
    (Bonferroni) where there are scans enough, and at least `LEAST_REACH`. The margin is on top, for
    a few scans do not show all that is good.

    Args:
        traits: (n, len(TRAITS)) of all good scans that are used.
        held_out: mismatch of the held-out ones; on training scans it is too low.
        target_fpr: share of good scans that may be called unlike the training.
    """
    share = target_fpr / len(MEASURES)
    columns = [*traits.T, np.asarray(held_out, dtype=np.float64)]
    length = float(2 ** np.median(traits[:, TRAITS.index("length")]))
    ranges, samples = {}, {}
    for name, values in zip(MEASURES, columns, strict=True):
        centre = float(np.median(values))
        away = np.sort(values - centre if name in ONE_SIDED else abs(values - centre))
        least = LEAST_REACH[name] * (length if name in LENGTHS else 1.0)
        reach = max(float(away[conformal_rank(len(away), share) - 1]), least)
        limit = reach * (MISMATCH_MARGIN if name == MISMATCH else MARGIN)
        ranges[name] = MeasureRange(centre, limit, float(values.min()), float(values.max()))
        samples[name] = sample_of(values)
    return Likeness(ranges, len(traits), len(held_out), target_fpr, samples)


def sample_of(values: ArrayLike) -> tuple[float, ...]:
    """The sorted values, or `MOST_SAMPLE` quantiles of more of them."""
    found = np.sort(np.asarray(values, dtype=np.float64))
    if len(found) > MOST_SAMPLE:
        found = np.quantile(found, (np.arange(MOST_SAMPLE) + 0.5) / MOST_SAMPLE)
    return tuple(found.tolist())


def _numbers(words: Words, value: float, known: MeasureRange) -> str:
    low, high = words.show(known.low), words.show(known.high)
    seen = f"{low} to {high}" if low != high else low
    return f"{words.what} {words.show(value)}{words.unit}, in training {seen}{words.unit}"


def save_unlike(path: Path, reasons: Mapping[str, str]) -> None:
    path.write_text(dump_json(dict(reasons), indent=1) + "\n", encoding="utf-8")
