"""Which test scans the report shows, where there are more than it can hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import ArrayLike

from ..dataset.scan import Label


def choose_views(
    object_scores: ArrayLike, labels: Sequence[Label], threshold: float, most: int
) -> list[int]:
    """Choose at most `most` scans for the report by index, ascending; all where there are no more.

    These take turns until there are enough: the defective scan of lowest score and the good one of
    highest, which are the worst errors; the scan nearest to the threshold, by the ratio of both;
    then the defective scan of highest score and the good one of lowest, which are the clearest. Of
    scans whose truth is not known the highest and the lowest take part as well. Equal scores go by
    index.

    Args:
        object_scores: (N,); labels: of each scan, 1 with a defect, 0 good, None not known.
    """
    scores = np.asarray(object_scores, dtype=np.float64)
    if len(scores) <= most:
        return list(range(len(scores)))
    truth = np.array([-1 if label is None else label for label in labels])
    up, down = np.argsort(scores, kind="stable"), np.argsort(-scores, kind="stable")
    near = np.argsort(_distance(scores, threshold), kind="stable")
    defective, good, unknown = (lambda order, t=t: order[truth[order] == t] for t in (1, 0, -1))
    turns = [defective(up), good(down), near, defective(down), good(up)]
    turns += [unknown(down), unknown(up)]
    taken = chain.from_iterable(zip_longest(*(turn.tolist() for turn in turns)))
    return sorted(list(dict.fromkeys(i for i in taken if i is not None))[:most])


def _distance(scores: np.ndarray, threshold: float) -> np.ndarray:
    """How far scores (N,) are from the threshold, as logarithms of ratios."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(np.log(scores) - np.log(np.float64(threshold)))
    return np.where(scores == threshold, 0.0, distance)
