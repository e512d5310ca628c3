"""A generated rig: a plate over a table, seen by two cameras with lenses that differ.

The truth is computed by casting rays in the depth camera's frame, with a solver of the test's own.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.spatial.transform import Rotation

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.calibration import load_calibration
from mentor3ad.readers.formats.camera import Camera
from mentor3ad.readers.formats.geometry import read_geometry
from mentor3ad.readers.formats.rig import Rig, register

DEPTH_LENS = (-0.12, 0.05, 4e-4, -3e-4, 0.0)
COLOR_LENS = (0.14, -0.3, -6e-4, 5e-4, 0.1)
DEPTH = Camera(150.0, 152.0, 81.0, 58.0, 160, 120, depth_scale=0.1, distortion=DEPTH_LENS)
COLOR = Camera(230.0, 228.0, 126.0, 101.0, 256, 200, distortion=COLOR_LENS)
ROTATION = Rotation.from_euler("xyz", [1.0, -2.0, 0.5], degrees=True).as_matrix()
SHIFT_MM = np.array([-48.0, 2.0, 4.0])
POSE = tuple(map(tuple, [*np.column_stack([ROTATION, SHIFT_MM]).tolist(), [0.0, 0.0, 0.0, 1.0]]))
RIG = Rig(DEPTH, COLOR, POSE)
PLATE = (0.06, 0.05, 0.45)  # half width, half height, depth in metres; the table is behind it


def shown(points: Any, camera: Camera) -> Any:
    """(..., 2) pixels by the documented formula."""
    x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
    k1, k2, p1, p2, k3 = camera.distortion or (0, 0, 0, 0, 0)
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)
    v = y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
    return np.stack([u * camera.fx + camera.cx, v * camera.fy + camera.cy], axis=-1)


def directions(camera: Camera) -> Any:
    """(H, W, 3) rays by Newton's method with differences."""
    v, u = np.mgrid[: camera.height, : camera.width].astype(float)
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(u)], -1)
    for _ in range(20):
        off = np.stack([u, v], -1) - shown(rays, camera)
        steps = [np.array([1e-6, 0, 0]), np.array([0, 1e-6, 0])]
        jacobian = np.stack(
            [(shown(rays + step, camera) - shown(rays, camera)) / 1e-6 for step in steps], -1
        )
        rays[..., :2] += np.linalg.solve(jacobian, off[..., None])[..., 0]
    return rays


def scene() -> tuple[Any, Any]:
    """(H, W, 3) metres of the depth camera's pixels, and (H, W) bool: on the plate."""
    rays = directions(DEPTH)
    table = rays * (0.6 / (1 - 0.1 * rays[..., :1]))  # z = 0.6 + 0.1 x
    plate = rays * PLATE[2]
    on = (np.abs(plate[..., 0]) < PLATE[0]) & (np.abs(plate[..., 1]) < PLATE[1])
    return np.where(on[..., None], plate, table), on


def hidden_from_color(points: Any, on_plate: Any) -> Any:
    """(H, W) bool: the line from the colour camera to the point crosses the plate."""
    eye = -ROTATION.T @ SHIFT_MM / 1000
    share = (PLATE[2] - eye[2]) / (points[..., 2] - eye[2])
    cross = eye + share[..., None] * (points - eye)
    return ~on_plate & (np.abs(cross[..., 0]) < PLATE[0]) & (np.abs(cross[..., 1]) < PLATE[1])


@pytest.fixture(scope="module")
def rendered() -> tuple[Any, Any, Any, Any]:
    """Points, whether on the plate, whether hidden, and the pixel of the colour camera."""
    points, on_plate = scene()
    moved = points @ ROTATION.T + SHIFT_MM / 1000
    return points, on_plate, hidden_from_color(points, on_plate), shown(moved, COLOR)


def ramp() -> Any:
    """An image whose colours are the places of its pixels: red the column, green the row."""
    v, u = np.mgrid[: COLOR.height, : COLOR.width]
    return np.stack([u, v, np.full_like(u, 77)], axis=-1).astype(np.uint8)


def test_colours_are_those_of_the_point(rendered: Any) -> None:
    """Within the rounding to whole colours, that is registered to a twentieth of a pixel."""
    points, _, _, pixel = rendered
    kept, colours, _ = register(RIG, points.astype(np.float32), ramp(), None, 0.001)
    seen = kept.any(axis=-1)
    assert seen.mean() > 0.6
    assert np.abs(colours[seen][:, :2] - pixel[seen]).max() < 0.55
    assert (colours[seen][:, 2] == 77).all()


def test_what_the_colour_camera_cannot_see_has_no_return(rendered: Any) -> None:
    points, on_plate, hidden, pixel = rendered
    kept, _, _ = register(RIG, points.astype(np.float32), ramp(), None, 0.001)
    lost = ~kept.any(axis=-1)
    size = np.array([COLOR.width, COLOR.height])
    beside = ((pixel < -0.5) | (pixel > size - 0.5)).any(axis=-1)
    assert hidden.sum() > 150
    assert lost[binary_erosion(hidden)].all()
    assert lost[beside].all()
    edge = binary_dilation(on_plate, iterations=2) & ~binary_erosion(on_plate)
    assert not (lost & ~binary_dilation(hidden | beside | edge)).any()
    assert not (lost & binary_erosion(on_plate) & ~beside).any()


def test_points_that_are_kept_are_the_measured_ones(rendered: Any) -> None:
    points = rendered[0].astype(np.float32)
    kept, _, _ = register(RIG, points, ramp(), None, 0.001)
    seen = kept.any(axis=-1)
    np.testing.assert_array_equal(kept[seen], points[seen])


def test_steep_surfaces_do_not_hide_themselves() -> None:
    """A wall that slants by 50 degrees towards the colour camera."""
    rays = directions(DEPTH)
    wall = rays * (0.6 / (1 + np.tan(np.radians(50)) * rays[..., :1]))
    wall = np.where((wall[..., 2:] > 0.3) & (wall[..., 2:] < 1.5), wall, 0)
    kept, _, _ = register(RIG, wall.astype(np.float32), ramp(), None, 0.001)
    moved = np.where(wall.any(-1, keepdims=True), wall @ ROTATION.T + SHIFT_MM / 1000, [0, 0, 1])
    pixel = shown(moved, COLOR)
    size = np.array([COLOR.width, COLOR.height])
    inside = ((pixel > -0.5) & (pixel < size - 0.5)).all(-1) & wall.any(-1)
    assert inside.sum() > 1000
    assert kept.any(axis=-1)[inside].mean() > 0.99


def test_a_mask_on_the_image_comes_along_and_one_on_the_depth_stays(rendered: Any) -> None:
    points, _, _, pixel = rendered
    drawn = np.zeros((COLOR.height, COLOR.width), np.uint8)
    drawn[60:120, 90:150] = 7
    kept, _, mask = register(RIG, points.astype(np.float32), ramp(), drawn, 0.001)
    seen = kept.any(axis=-1)
    place = np.floor(pixel[seen] + 0.5).astype(int)
    assert mask is not None
    assert (mask[seen] == drawn[place[:, 1], place[:, 0]]).mean() > 0.995
    own = np.ones((DEPTH.height, DEPTH.width), np.uint8)
    assert register(RIG, points.astype(np.float32), ramp(), own, 0.001)[2] is own


def test_pixels_without_a_return_show_what_lies_there_about(rendered: Any) -> None:
    points, on_plate, _, pixel = rendered
    holes = points.astype(np.float32)
    holes[::5, ::5] = 0
    kept, colours, _ = register(RIG, holes, ramp(), None, 0.001)
    hole = ~holes.any(axis=-1) & ~binary_dilation(on_plate, iterations=3)
    hole[:, :40] = hole[:, -40:] = False
    assert not kept[~holes.any(axis=-1)].any()
    assert np.abs(colours[hole][:, :2] - pixel[hole]).max() < 12  # parallax, for the table slants


def test_depth_image_through_its_lens(tmp_path: Path, rendered: Any) -> None:
    points = rendered[0]
    np.save(tmp_path / "d.npy", np.rint(points[..., 2] * 10000).astype(np.uint16))  # 0.1 mm
    read = read_geometry(tmp_path / "d.npy", units="mm", camera=RIG)
    np.testing.assert_allclose(read, points, atol=6e-5)
    straight = read_geometry(tmp_path / "d.npy", units="mm", camera=replace(DEPTH, distortion=None))
    assert np.abs(straight - points).max() > 5e-3


# The file


def keys(**changes: Any) -> dict[str, Any]:
    one = {"fx": 100.0, "fy": 100.0, "cx": 4.0, "cy": 4.0, "width": 9, "height": 9}
    pose = [[1, 0, 0, -50], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    whole = {"depth": one, "color": one | {"distortion": [0.1, 0, 0, 0]}, "color_from_depth": pose}
    return {key: value for key, value in (whole | changes).items() if value is not ...}


def test_file_of_a_rig(tmp_path: Path) -> None:
    (tmp_path / "rig.json").write_text(json.dumps(keys()))
    rig = load_calibration(tmp_path / "rig.json")
    assert isinstance(rig, Rig)
    assert rig.color.distortion == (0.1, 0, 0, 0, 0)
    assert rig.color_from_depth[0] == (1, 0, 0, -50)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"depth": ...}, "has no keys under depth"),
        ({"color": [1]}, "has no keys under color"),
        ({"color_from_depth": ...}, "color_from_depth: Field required"),
        ({"color_from_depth": [[1, 0], [0, 1]]}, "color_from_depth: .*four rows"),
        ({"baseline": 50}, "baseline: Unexpected"),
        (
            {"color": keys()["color"] | {"distortion": [0.1] * 8}},
            "its color: .*distortion: ",
        ),
        ({"color": keys()["color"] | {"fx": 0}}, "its color: .*fx: Input should be greater"),
        ({"depth": keys()["depth"] | {"serial": 0}}, "its depth: .*serial: Unexpected"),
    ],
)
def test_what_is_no_rig(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    (tmp_path / "r.json").write_text(json.dumps(keys(**changes)))
    with pytest.raises(DataError, match=rf"r\.json .*{why}"):
        load_calibration(tmp_path / "r.json")
