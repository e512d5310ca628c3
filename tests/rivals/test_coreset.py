"""The coreset against PatchCore's published procedure, written out with all distances."""

import numpy as np
import pytest
import torch

from mentor3ad.rivals.coreset import STARTING_ROWS, greedy_coreset, random_projection


def published_choice(rows: np.ndarray, size: int, start: np.ndarray) -> list[int]:
    """ApproximateGreedyCoresetSampler, with the whole matrix of distances in float64."""
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    anchor = distances[:, start].mean(axis=1)
    chosen = []
    for _ in range(size):
        row = int(np.argmax(anchor))
        chosen.append(row)
        anchor = np.minimum(anchor, distances[:, row])
    return chosen


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_greedy_choice_is_the_published_one(seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(300, 12)).astype(np.float32) + 50
    start = np.random.default_rng(seed).choice(300, STARTING_ROWS, replace=False)
    found = greedy_coreset(torch.from_numpy(rows), 120, np.random.default_rng(seed))
    assert found.tolist() == published_choice(rows.astype(np.float64), 120, start)


def test_the_choice_covers_every_group_first() -> None:
    """Algorithm 1 takes the row furthest from all chosen ones: one of each far group."""
    groups = np.repeat(np.arange(20), 30)
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32))
    rows[:, 0] += torch.from_numpy(1000.0 * groups).float()
    found = greedy_coreset(rows, 20, np.random.default_rng(0))
    assert sorted(groups[found.numpy()]) == list(range(20))


def test_no_row_is_chosen_twice_where_rows_are_equal() -> None:
    found = greedy_coreset(torch.ones(8, 3), 8, np.random.default_rng(0))
    assert sorted(found.tolist()) == list(range(8))


def test_a_random_projection_keeps_distances_on_average() -> None:
    """Johnson and Lindenstrauss: the squared distance of 128 channels is within a third."""
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 700)).astype(np.float32))
    shorter = random_projection(rows, 128, np.random.default_rng(1))
    assert shorter.shape == (40, 128)
    ratio = torch.pdist(shorter) / torch.pdist(rows)
    assert (ratio > 0.75).all()
    assert (ratio < 1.33).all()
    assert abs(float(ratio.mean()) - 1) < 0.02


def test_rows_that_are_narrow_are_not_projected() -> None:
    rows = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(random_projection(rows, 3, np.random.default_rng(0)), rows)
