"""Scores of the scans that a threshold comes from, as new scans would have them.

A scan that a rule was fitted to looks less strange to it than a new one, the more so the fewer
there are. So each is scored by a rule that was fitted without it (docs/decisions/0004).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np

from ..plumbing.errors import TrainingError
from .each import Each

FOLDS = 20  # of the scans, each of which is left out as a whole
FEW = 200  # scans up to which this is done: of more it would take minutes, and change little

Score = Callable[[np.ndarray], float]  # the object score of a scan's maps (K, 224, 224)


def leave_out(count: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield which of so many scans are left out together, and the others; each scan once.

    A single scan, and very many, are left out of nothing: the others are none then.
    """
    if not 1 < count <= FEW:
        yield list(range(count)), []
        return
    folds = min(count, FOLDS)
    for fold in range(folds):
        others = [i for i in range(count) if i % folds != fold]
        yield list(range(fold, count, folds)), others


def left_out_scores(
    scans: Sequence[np.ndarray],
    fitted_to: Sequence[np.ndarray],
    score: Score,
    fit_to: Callable[[Sequence[np.ndarray]], Score],
) -> list[float]:
    """The object score of each scan by a rule that did not see it.

    Args:
        scans: score maps of good scans, read when they are asked for.
        fitted_to: the scans themselves where the rule was fitted to them; empty where it was not.
        score: by the rule that was fitted to all of them. It scores scans that nothing is left
            out of: a single one, and very many.
        fit_to: fits a rule to some of them; a TrainingError, as where these alone show no spread,
            leaves their complement to `score`.
    """
    scores = [0.0] * len(scans)
    for left, others in leave_out(len(scans)):
        judge = score
        if others and fitted_to:
            with suppress(TrainingError):
                judge = fit_to(Each(others, fitted_to.__getitem__))
        for i in left:
            scores[i] = judge(scans[i])
    return scores
