"""What must not change a foreground: how the map is turned, its unit of length, and threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mentor3ad.dataset.scan import RawScan
from mentor3ad.preparation.foreground import Foreground, extract_foreground
from mentor3ad.preparation.prepare import find_part
from tests.options import preparation
from tests.raw_scans import table_points

OPTIONS = preparation()
seeds = st.integers(0, 2**32 - 1)


def scene(seed: int, height: int = 72, width: int = 80) -> NDArray[np.float32]:
    """A tilted, noisy table with boxes at several heights and 10 % of dropouts."""
    rng = np.random.default_rng(seed)
    points = table_points(height, width, tilt=rng.uniform(-0.5, 0.5))
    for _ in range(int(rng.integers(1, 5))):
        top, left = rng.integers(0, height - 15), rng.integers(0, width - 15)
        bottom, right = top + rng.integers(10, 45), left + rng.integers(10, 45)
        points[top:bottom, left:right, 2] -= rng.uniform(0.01, 0.04)
    points[..., 2] += rng.normal(0, 0.0004, (height, width))
    points[rng.random((height, width)) < 0.1] = 0
    return points


def same(one: Foreground, other: Foreground) -> None:
    np.testing.assert_array_equal(one.mask, other.mask)
    assert one.plane is not None
    assert other.plane is not None
    np.testing.assert_array_equal(one.plane, other.plane)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, turns=st.integers(0, 3), flip=st.booleans())
def test_turned_map_gives_the_turned_foreground(seed: int, turns: int, flip: bool) -> None:
    points = scene(seed)
    found = extract_foreground(points, OPTIONS)
    turned = extract_foreground(np.rot90(points[::-1] if flip else points, turns), OPTIONS)
    back = np.rot90(turned.mask, -turns)
    same(found, Foreground(back[::-1] if flip else back, turned.plane))


@settings(max_examples=15, deadline=None)
@given(seed=seeds, power=st.integers(-6, 6))
def test_lengths_count_in_proportion_to_the_limits(seed: int, power: int) -> None:
    """No length is wired into the code. Powers of two scale floats without rounding."""
    scale = 2.0**power
    lengths = ("inlier_m", "removal_m", "cluster_eps_m", "piece_gap_m")
    scaled = OPTIONS.model_copy(update={name: getattr(OPTIONS, name) * scale for name in lengths})
    found = extract_foreground(scene(seed), OPTIONS)
    other = extract_foreground(scene(seed) * np.float32(scale), scaled)
    np.testing.assert_array_equal(other.mask, found.mask)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_foreground_is_returns_off_the_table(seed: int) -> None:
    points = scene(seed)
    found = extract_foreground(points, OPTIONS)
    assert found.plane is not None
    part = points[found.mask].astype(np.float64)
    assert part.all()
    assert np.abs(part @ found.plane[:3] + found.plane[3]).min() >= OPTIONS.removal_m - 1e-6


@pytest.mark.parametrize("threads", [2, 8])
def test_threads_of_linear_algebra_change_nothing(threads: int) -> None:
    points = scene(0, 200, 240)
    with threadpool_limits(1):
        one = extract_foreground(points, OPTIONS)
    with threadpool_limits(threads):
        same(extract_foreground(points, OPTIONS), one)


def test_scans_prepared_at_once_are_prepared_alike() -> None:
    """In any order and beside any neighbours."""
    image = np.zeros((72, 80, 3), np.uint8)
    scans = {f"scan {seed}": RawScan(image, scene(seed), None) for seed in range(8)}
    alone = {name: find_part(scan, OPTIONS, name) for name, scan in scans.items()}
    with ThreadPoolExecutor(4) as pool:
        jobs = {n: pool.submit(find_part, scans[n], OPTIONS, n) for n in reversed(scans)}
    for name, job in jobs.items():
        np.testing.assert_array_equal(job.result().foreground, alone[name].foreground)
