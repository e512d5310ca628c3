"""The memory's distances against their definition, and eq. 7 of PatchCore as it is printed."""

import numpy as np
import torch

from mentor3ad.rivals.memory import Memory

RNG = np.random.default_rng(5)
GOOD = RNG.normal(size=(200, 16)) + 30
NEW = RNG.normal(size=(700, 16)) * 1.5 + 30


def fit(size: int = 200, reweight: int = 0) -> Memory:
    good = torch.from_numpy(GOOD.astype(np.float32))
    return Memory.fit(good, size, 8, reweight, np.random.default_rng(0))


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a[:, None] - b[None], axis=2)


def test_a_distance_is_that_to_the_nearest_row() -> None:
    found = fit().distances(torch.from_numpy(NEW.astype(np.float32)))
    np.testing.assert_allclose(found, distances(NEW, GOOD).min(axis=1), rtol=1e-4)


def test_a_coreset_is_of_good_rows_and_measures_to_them() -> None:
    memory = fit(size=50)
    kept = (memory.rows + memory.centre).numpy().astype(np.float64)
    np.testing.assert_allclose(distances(kept, GOOD).min(axis=1), 0, atol=1e-4)
    found = memory.distances(torch.from_numpy(NEW.astype(np.float32)))
    np.testing.assert_allclose(found, distances(NEW, kept).min(axis=1), rtol=1e-4)


def test_reweighting_is_equation_7() -> None:
    """s = (1 - exp |m - m*| / sum over N_b(m*) of exp |m - m_b|) |m - m*|, row by row."""
    expected = []
    for new in NEW:
        to_rows = np.linalg.norm(GOOD - new, axis=1)
        star = int(to_rows.argmin())
        around = np.argsort(np.linalg.norm(GOOD - GOOD[star], axis=1))[:3]
        weight = 1 - np.exp(to_rows[star]) / np.exp(to_rows[around]).sum()
        expected.append(weight * to_rows[star])
    found = fit(reweight=3).distances(torch.from_numpy(NEW.astype(np.float32)))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_large_distances_do_not_overflow_the_weight() -> None:
    far = torch.full((1, 16), 1e4)
    assert torch.isfinite(fit(reweight=3).distances(far)).all()


def test_bytes_are_those_of_what_is_kept() -> None:
    assert fit(size=50).bytes == 4 * (50 * 16 + 16)
    assert fit(size=50, reweight=2).bytes == 4 * (50 * 16 + 16) + 8 * 50 * 2
