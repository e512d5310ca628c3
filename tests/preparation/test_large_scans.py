"""The part of a large scan is looked for in fewer pixels, and is the same part."""

import numpy as np
import pytest

from mentor3ad.params.schema import Params
from mentor3ad.preparation import foreground
from mentor3ad.preparation.foreground import extract_foreground


def scene(side: int) -> np.ndarray:
    """A disc of 4 cm that stands 2 cm above a table of 20 cm, and a hole of no return in it."""
    y, x = (np.mgrid[:side, :side] + 0.5) * (0.2 / side) - 0.1
    z = np.where(x**2 + y**2 < 0.04**2, 0.48, 0.5)
    points = np.stack([x, y, z], axis=-1).astype(np.float32)
    points[side // 2 - 9 : side // 2 - 4, side // 2 - 9 : side // 2] = 0
    return points


@pytest.mark.parametrize("most", [300 * 300, 150 * 150])
def test_it_is_the_same_part(params: Params, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    options = params.data.preparation
    points = scene(401)
    whole = extract_foreground(points, options)
    monkeypatch.setattr(foreground, "MOST_SEARCHED", most)
    fewer = extract_foreground(points, options)
    assert whole.mask.sum() > 15_000
    differing = (whole.mask ^ fewer.mask).sum() / whole.mask.sum()
    assert differing < 0.02
    assert fewer.plane is not None
    assert np.allclose(np.abs(fewer.plane), [0, 0, 1, 0.5], atol=1e-4)
    assert not fewer.mask[(points == 0).all(axis=-1)].any()
