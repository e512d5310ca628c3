"""Projection of clouds: the inverse of taking them apart, for any camera and order of points."""

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from mentor3ad.readers.formats.camera import Camera
from mentor3ad.readers.formats.pinhole import back_project, move, project

FILE = Path("p.ply")
CAMERAS = st.builds(
    Camera,
    fx=st.floats(20, 2000),
    fy=st.floats(20, 2000),
    cx=st.floats(-5, 15),
    cy=st.floats(-5, 15),
    width=st.integers(1, 12),
    height=st.integers(1, 12),
)


def seen(cloud: Any, camera: Camera) -> Any:
    return project(FILE, cloud, camera).image(cloud)


@settings(max_examples=100, deadline=None)
@given(camera=CAMERAS, data=st.data(), seed=st.integers(0, 99))
def test_projecting_a_map_through_its_own_camera(camera: Camera, data: Any, seed: int) -> None:
    shape = (camera.height, camera.width)
    depth = data.draw(arrays(np.float32, shape, elements=st.floats(0.125, 3, width=32)))
    points = back_project(depth, camera).astype(np.float32)
    cloud = np.random.default_rng(seed).permutation(points.reshape(-1, 3))
    np.testing.assert_array_equal(seen(cloud, camera), points)


@settings(max_examples=50, deadline=None)
@given(angles=st.tuples(*[st.floats(-3, 3)] * 3), shift=st.tuples(*[st.floats(-5, 5)] * 3))
def test_pose_takes_the_cloud_into_the_camera(angles: Any, shift: Any) -> None:
    rotation = Rotation.from_euler("xyz", angles)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation.as_matrix(), shift
    rows = tuple(map(tuple, pose.tolist()))
    camera = Camera(50.0, 50.0, 2.0, 2.0, 5, 5, pose=rows)
    seen = np.array([[0.1, 0.2, 0.5], [-0.3, 0.1, 0.9]])
    cloud = rotation.inv().apply(seen - shift)
    np.testing.assert_allclose(move(cloud, camera), seen, rtol=0, atol=1e-12)


def test_nearest_point_of_a_pixel_wins() -> None:
    camera = Camera(1.0, 1.0, 0.0, 0.0, 2, 1)
    cloud = np.array([[0, 0, 3], [0, 0, 1], [0, 0, 2], [2, 0, 2]], np.float32)
    np.testing.assert_array_equal(seen(cloud, camera), [[[0, 0, 1], [2, 0, 2]]])


def test_first_of_equally_near_points_wins() -> None:
    camera = Camera(1.0, 1.0, 0.0, 0.0, 1, 1)
    cloud = np.array([[0, 0, 2], [0.1, 0, 1], [0.2, 0, 1], [0.3, 0, 1]], np.float32)
    np.testing.assert_array_equal(seen(cloud, camera), [[cloud[1]]])


def test_pixels_reach_half_a_pixel_around_their_centres() -> None:
    camera = Camera(1.0, 1.0, 0.0, 0.0, 1, 1)
    inside, outside = [-0.5, 0.499, 1], [0.5, 0, 0.9]
    cloud = np.array([outside, inside])
    np.testing.assert_array_equal(seen(cloud, camera), [[inside]])
