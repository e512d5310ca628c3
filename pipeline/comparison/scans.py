"""Test scans that two sides decide differently, with both of their anomaly maps."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..dataset.manifest import Manifest
from ..exhibits.store import Exhibits
from ..rating.results import Results
from ..voting.model import exceeds

KINDS = {  # by (defective, whether the second side rejects it)
    (True, False): "newly missed",
    (True, True): "newly caught",
    (False, True): "new false alarm",
    (False, False): "false alarm gone",
}


@dataclass(frozen=True, eq=False)
class View:
    """A scan as one side sees it.

    Attributes:
        score, threshold: the object score, and that from which a scan is rejected.
        anomaly: (224, 224) float32 over the threshold, so that 1 is the threshold; 0 off the part.
    """

    score: float
    threshold: float
    anomaly: NDArray[np.float32]

    @property
    def ratio(self) -> float:
        return self.score / self.threshold


@dataclass(frozen=True, eq=False)
class Changed:
    """A scan that the two sides decide differently.

    Attributes:
        kind: one of KINDS.
        picture: (224, 224, 3) uint8. mask: (224, 224) bool, the defect; None if not known.
    """

    category: str
    id: str
    kind: str
    picture: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    views: tuple[View, View]


def changed_scans(category: str, first: Results, second: Results, prepared: Path) -> list[Changed]:
    """The scans that both have and decide differently; those that changed most come first.

    Args:
        prepared: the category's prepared folder of the second side.
    """
    exhibits = Exhibits.load(prepared, Manifest.load(prepared))
    found = [
        Changed(
            category=category,
            id=second.ids[j],
            kind=KINDS[bool(second.labels[j]), bool(exceeds(second.scores, second.threshold)[j])],
            picture=exhibits.picture(second.index[j]),
            mask=None if second.masks is None else second.masks[j],
            views=(_view(first, i), _view(second, j)),
        )
        for i, j in _differing(first, second)
    ]
    return sorted(found, key=lambda one: -abs(one.views[1].ratio - one.views[0].ratio))


def _differing(first: Results, second: Results) -> Iterator[tuple[int, int]]:
    places = {name: i for i, name in enumerate(first.ids)}
    before = exceeds(first.scores, first.threshold)
    after = exceeds(second.scores, second.threshold)
    for j, name in enumerate(second.ids):
        i = places.get(name)
        if i is not None and before[i] != after[j]:
            yield i, j


def _view(results: Results, i: int) -> View:
    values = np.where(results.foreground[i], results.maps[i], 0) / results.threshold
    return View(float(results.scores[i]), results.threshold, values.astype(np.float32))
