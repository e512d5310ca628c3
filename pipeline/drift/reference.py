"""What a chart compares with: the values that good scans showed, which a bundle keeps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from statistics import NormalDist

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from ..params.section import Count, Positive
from ..plumbing.documents import dump_json
from ..voting.likeness import LEAST_REACH, LENGTHS, ONE_SIDED, Likeness, sample_of
from ..voting.model import VotingModel
from ..voting.words import Words, words_of
from .limits import LEAST_SCANS, limit_for

SCORE = "score"  # the chart of good parts' scores; the others are measures of likeness
BLUR = 1 / 6  # of the least reach, which is some three deviations: what is smaller is no difference
_FINE = 0.02  # of the values' own spread, at least, so that equal values are one

_REACH = 6.0  # blurs, beyond which a value is wholly below or above
_NORMAL = NormalDist()

_SCORE_WORDS = Words(
    "score of good parts",
    "good parts look less like those of the training",
    "parts are told apart less",
    "",
    float,
)

_NUMBERS = {"extra": "forbid", "strict": True, "allow_inf_nan": False}


def words_for(chart: str) -> Words:
    """The words of a chart's name."""
    return _SCORE_WORDS if chart == SCORE else words_of(chart)


@dataclass(frozen=True)
class Known:
    """What good scans showed of one chart's value.

    Attributes:
        values: sorted; quantiles, where there were many scans.
        scans: how many good scans there were.
        blur: a difference of this size is half of one: the values are spread by it.
        one_sided: less of it is no fault, so that only a rise is told.
    """

    __pydantic_config__ = ConfigDict(**_NUMBERS)  # type: ignore[typeddict-item]

    values: tuple[float, ...]
    scans: Count
    blur: Positive
    one_sided: bool

    @cached_property
    def limit(self) -> float | None:
        """Of the level; None: there were too few scans to tell."""
        return limit_for(self.scans, len(self.values)) if self.values else None

    def standardised(self, value: float) -> float:
        """The normal score of a value among those of good scans: 0 is their middle.

        It depends on the value's rank alone, so that the law of the values does not matter, and one
        scan, however far off, counts no more than one that lies just outside.
        """
        near = _REACH * self.blur
        first = bisect_left(self.values, value - near)  # the values before it are wholly below
        last = bisect_right(self.values, value + near)
        shares = (_NORMAL.cdf((value - one) / self.blur) for one in self.values[first:last])
        return _NORMAL.inv_cdf((first + sum(shares) + 0.5) / (len(self.values) + 1))

    def bounded(self, value: float) -> float:
        """A value, no farther outside than twenty times the range of good scans."""
        low, high = self.values[0], self.values[-1]
        reach = 20 * (high - low + self.blur)
        return min(max(value, low - reach), high + reach)


@dataclass(frozen=True)
class Reference:
    """What each chart of a model compares with, by its name."""

    charts: dict[str, Known] = field(default_factory=dict)

    @classmethod
    def of(cls, voting: VotingModel, likeness: Likeness | None) -> Reference:
        """What a model knows of its good scans.

        A model of an older release, or without `voting.unlike_fpr`, has no samples of the measures,
        and one that is older still no scores.
        """
        charts = {}
        if len(voting.held_out_scores) >= LEAST_SCANS:
            charts[SCORE] = _known(SCORE, voting.held_out_scores, len(voting.held_out_scores), 0.0)
        if likeness is not None:
            length = float(2 ** likeness.ranges["length"].centre)
            for name, values in likeness.samples.items():
                scans = likeness.held_out if name == "mismatch" else likeness.scans
                least = LEAST_REACH[name] * (length if name in LENGTHS else 1.0)
                charts[name] = _known(name, values, scans, BLUR * least)
        return cls(charts)

    def dump(self) -> str:
        return dump_json(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Raises ValueError where the text is none that `dump` writes."""
        return _READER.validate_json(text)


_READER: TypeAdapter[Reference] = TypeAdapter(Reference)


def _known(name: str, values: Sequence[float], scans: int, blur: float) -> Known:
    sample = sample_of(values)
    own = float(np.std(sample)) * _FINE
    return Known(sample, scans, max(blur, own, 1e-9), name in ONE_SIDED)
