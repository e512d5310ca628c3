"""The memory: the distance to what a feature's neighbours span, against plain algebra."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from mentor3ad.guidance.memory import LocalMemory
from mentor3ad.guidance.network import Guidance

KEPT = {"rows": 30, "neighbours": 5, "ridge": 0.1, "rgb": True}


def memory_of(rows: np.ndarray, neighbours: int, ridge: float) -> LocalMemory:
    memory = LocalMemory(*rows.shape, neighbours, ridge)
    memory.remember(torch.from_numpy(rows).float())
    return memory


def by_hand(rows: np.ndarray, feature: np.ndarray, neighbours: int, ridge: float) -> float:
    """Minimise |w R - x|^2 + ridge t |w|^2 over w that sum to 1, by its KKT system."""
    distance = np.linalg.norm(rows - feature, axis=1)
    near = rows[np.argsort(distance)[:neighbours]]
    t = np.square(near - feature).sum(axis=1).mean()
    k = len(near)
    system = np.ones((k + 1, k + 1))
    system[:k, :k] = (near - feature) @ (near - feature).T + ridge * t * np.eye(k)
    system[k, k] = 0
    weights = np.linalg.solve(system, np.append(np.zeros(k), 1))[:k]
    return float(np.linalg.norm(weights @ near - feature))


@pytest.mark.parametrize("ridge", [0.01, 0.1, 1.0])
def test_distance_is_the_constrained_least_squares(ridge):
    rng = np.random.default_rng(0)
    rows, features = rng.normal(size=(60, 8)), rng.normal(size=(9, 8)) + 3
    found = memory_of(rows, 6, ridge).distances(torch.from_numpy(features)).numpy()
    expected = [by_hand(rows, feature, 6, ridge) for feature in features]
    assert_allclose(found, expected, rtol=1e-4)


def test_a_feature_between_rows_is_near_although_each_is_far():
    """Good features on a plane: nearest neighbours see gaps between rows, the memory does not."""
    rng = np.random.default_rng(1)
    plane = np.linalg.qr(rng.normal(size=(10, 2)))[0].T
    rows = rng.uniform(-1, 1, (80, 2)) @ plane
    inside = torch.from_numpy(rng.uniform(-0.7, 0.7, (40, 2)) @ plane)
    off = inside + 0.3 * torch.from_numpy(np.linalg.svd(plane)[2][-1])
    memory = memory_of(rows, 8, 0.01)
    nearest = torch.cdist(inside, torch.from_numpy(rows)).min(dim=1).values.mean()
    assert memory.distances(inside).mean() < 0.2 * nearest
    assert_allclose(memory.distances(off).numpy(), 0.3, atol=0.05)


def test_a_row_itself_and_equal_rows_are_no_distance():
    rows = np.repeat(np.eye(4), 3, axis=0)
    found = memory_of(rows, 3, 0.1).distances(torch.eye(4))
    assert_allclose(found.numpy(), 0, atol=1e-6)


def test_more_neighbours_than_rows_are_all_rows():
    rows = np.eye(3)
    few = memory_of(rows, 16, 0.1).distances(torch.ones(1, 3))
    assert_allclose(few.numpy(), memory_of(rows, 3, 0.1).distances(torch.ones(1, 3)).numpy())


def test_a_guidance_without_rows_is_the_module_that_it_was():
    plain = Guidance(dim=8, hidden=16, use_mentor=True)
    none = Guidance(dim=8, hidden=16, use_mentor=True, memory=KEPT | {"rows": 0})
    assert none.config == plain.config
    assert none.state_dict().keys() == plain.state_dict().keys()


def test_memories_travel_in_the_module():
    guidance = Guidance(dim=8, hidden=16, use_mentor=True, components=4, memory=KEPT)
    for memory in guidance.kept.values():
        memory.remember(torch.randn(30, 5))
    again = Guidance(**guidance.config)
    again.load_state_dict(guidance.state_dict())
    features = torch.randn(3, 5)
    assert list(again.kept) == ["xyz", "rgb"]
    for name, memory in again.kept.items():
        assert torch.equal(memory.distances(features), guidance.kept[name].distances(features))
