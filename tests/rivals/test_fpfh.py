"""FPFH against a slow form of its own, which loops over pairs and computes with Python's floats."""

import math

import numpy as np
import pytest

from mentor3ad.rivals.fpfh import fpfh, pair_angles, point_normals

Vector = tuple[float, float, float]


def dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def slow_angles(p: Vector, n: Vector, q: Vector, m: Vector) -> tuple[float, float, float]:
    """Rusu's three angles: the source is the point whose normal is at the smaller angle."""
    line: Vector = tuple(b - a for a, b in zip(p, q, strict=True))  # type: ignore[assignment]
    length = math.sqrt(dot(line, line))
    if length == 0:
        return 0.0, 0.0, 0.0
    at_p, at_q = dot(n, line) / length, dot(m, line) / length
    if math.acos(min(1, abs(at_p))) > math.acos(min(1, abs(at_q))):
        n, m, line, phi = m, n, (-line[0], -line[1], -line[2]), -at_q
    else:
        phi = at_p
    v = cross(line, n)
    size = math.sqrt(dot(v, v))
    if size == 0:
        return 0.0, 0.0, 0.0
    v = (v[0] / size, v[1] / size, v[2] / size)
    w = cross(n, v)
    return math.atan2(dot(w, m), dot(n, m)), dot(v, m), phi


def nearest(points: list[Vector], i: int, count: int) -> list[tuple[float, int]]:
    """Squared distance and index of the nearest points, without the point itself."""
    found = sorted(
        (sum((a - b) ** 2 for a, b in zip(points[i], q, strict=True)), j)
        for j, q in enumerate(points)
        if j != i
    )
    return found[: count - 1]


def slow_spfh(points: list[Vector], normals: list[Vector], i: int, count: int) -> list[float]:
    bins = [0.0] * 33
    near = nearest(points, i, count)
    for _, j in near:
        theta, alpha, phi = slow_angles(points[i], normals[i], points[j], normals[j])
        for part, share in enumerate(((theta / math.pi + 1) / 2, (alpha + 1) / 2, (phi + 1) / 2)):
            bins[11 * part + min(10, max(0, math.floor(11 * share)))] += 100 / len(near)
    return bins


def slow_fpfh(points: list[Vector], normals: list[Vector], count: int) -> list[list[float]]:
    simple = [slow_spfh(points, normals, i, count) for i in range(len(points))]
    result = []
    for i, own in enumerate(simple):
        around = [0.0] * 33
        for squared, j in nearest(points, i, count):
            for b in range(33):
                around[b] += simple[j][b] / squared
        totals = [sum(around[11 * part : 11 * part + 11]) for part in range(3)]
        result.append([own[b] + 100 * around[b] / totals[b // 11] for b in range(33)])
    return result


@pytest.fixture(scope="module")
def surface() -> np.ndarray:
    """A bumpy patch of 9 x 9 points, seen at half a metre."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[-4:5, -4:5] * 0.001
    z = 0.5 + 2e-3 * np.sin(900 * x) * np.cos(700 * y)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3) + rng.normal(0, 1e-4, (81, 3))


def as_tuples(rows: np.ndarray) -> list[Vector]:
    return [tuple(row) for row in rows.tolist()]


def test_histograms_are_those_of_the_slow_form(surface: np.ndarray) -> None:
    normals = point_normals(surface, 12)
    found = fpfh(surface, normals, 15)
    np.testing.assert_allclose(
        found, slow_fpfh(as_tuples(surface), as_tuples(normals), 15), rtol=1e-9, atol=1e-9
    )


def test_an_angles_bins_sum_to_two_hundred_percent(surface: np.ndarray) -> None:
    """A hundred of the point's own histogram, a hundred of its neighbours'."""
    sums = fpfh(surface, point_normals(surface)).reshape(-1, 3, 11).sum(axis=2)
    np.testing.assert_allclose(sums, 200, rtol=1e-9)


def test_histograms_do_not_change_when_the_part_is_turned(surface: np.ndarray) -> None:
    a, b = 0.4, 1.1
    turn_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    turn = turn_z @ turn_x
    normals = point_normals(surface)
    turned = fpfh(surface @ turn.T, normals @ turn.T)
    share_moved = np.abs(turned - fpfh(surface, normals)).sum() / turned.sum()
    assert share_moved < 1e-3  # a pair at the border of two bins may change over


def test_normals_of_a_plane_look_at_the_sensor() -> None:
    x, y = np.meshgrid(np.linspace(-0.05, 0.05, 9), np.linspace(-0.05, 0.05, 9))
    plane = np.stack([x, y, 0.5 + 0.3 * x - 0.2 * y], axis=-1).reshape(-1, 3)
    expected = np.array([0.3, -0.2, -1]) / np.sqrt(1.13)
    np.testing.assert_allclose(point_normals(plane), np.tile(expected, (81, 1)), atol=1e-9)


def test_coinciding_points_and_lines_along_the_normal_have_no_angles() -> None:
    p, n = np.zeros((2, 3)), np.array([[0.0, 0, 1]] * 2)
    q, m = np.array([[0.0, 0, 0], [0, 0, 2]]), np.array([[0.0, 1, 0], [0, 0.6, 0.8]])
    assert [angle.tolist() for angle in pair_angles(p, n, q, m)] == [[0, 0]] * 3


def test_fewer_points_than_neighbours_are_enough(surface: np.ndarray) -> None:
    few = surface[:5]
    found = fpfh(few, point_normals(few))
    np.testing.assert_allclose(found.reshape(5, 3, 11).sum(axis=2), 200)
