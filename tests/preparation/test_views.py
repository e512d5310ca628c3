"""Views for networks of other sizes: the picture, and the map of surface normals."""

import numpy as np
import pytest

from mentor3ad.dataset.scan import RawScan
from mentor3ad.dataset.window import Window
from mentor3ad.preparation.views import Views, masked, normals_view, picture_view, table_normal
from tests.options import preparation

WHOLE = Window(0, 0, 120)
UP = np.array([0.0, 0.0, -1.0])


def plane(slope_x: float = 0.0, slope_y: float = 0.0) -> np.ndarray:
    """(120, 120, 3) float32: a plane at 0.5 m that recedes by the slopes."""
    y, x = np.mgrid[:120, :120] * 1e-3
    z = 0.5 + slope_x * x + slope_y * y
    return np.stack([x, y, z], axis=-1).astype(np.float32)


def raw(points: np.ndarray) -> RawScan:
    return RawScan(np.zeros(points.shape, np.uint8), points, None)


def view(points: np.ndarray, up: np.ndarray = UP, window: Window = WHOLE) -> np.ndarray:
    return normals_view(raw(points), window, Views(normals=80, smoothing=1.2), up)


def inner(picture: np.ndarray) -> np.ndarray:
    return picture[8:-8, 8:-8].reshape(-1, 3)


@pytest.mark.parametrize(
    ("slopes", "normal"),
    [
        ((0, 0), (0, 0, 1)),
        ((1, 0), (1, 0, 1)),  # recedes to the right: its surface looks to the right
        ((0, -1), (0, -1, 1)),  # recedes upwards: it looks up the picture
        ((0.5, 0.25), (0.5, 0.25, 1)),
    ],
)
def test_normals_of_planes_by_hand(slopes: tuple[float, float], normal: tuple[float, ...]) -> None:
    """With z away from the camera, n is (dz/dx, dz/dy, -1), normalised; its third part is up."""
    expected = np.array(normal) / np.linalg.norm(normal) * 127.5 + 127.5
    assert np.abs(inner(view(plane(*slopes))) - expected).max() <= 1


def test_a_tilted_table_is_level_in_its_own_frame() -> None:
    up = np.array([0.3, -0.2, -1.0]) / np.linalg.norm([0.3, -0.2, -1.0])
    points = plane(0.3, -0.2)
    assert np.abs(inner(view(points, up)) - (127.5, 127.5, 255)).max() <= 1


def test_a_hole_is_filled_from_the_nearest_return() -> None:
    points = plane(1, 0)
    points[40:44, 50:53] = 0
    filled, whole = view(points).astype(int), view(plane(1, 0)).astype(int)
    far = np.ones((80, 80), bool)
    far[22:35, 29:41] = False  # the hole, and 4 pixels of smoothing
    assert np.abs(filled - whole)[far].max() <= 1
    assert (filled[22:35, 29:41] != 128).any()


def test_a_window_is_the_same_part_of_the_map_enlarged() -> None:
    picture = view(plane(0.5, 0), window=Window(20, 30, 60))
    assert np.abs(inner(picture) - inner(view(plane(0.5, 0)))[0]).max() <= 1


def test_a_window_past_the_border_has_a_picture_too() -> None:
    picture = view(plane(), window=Window(-10, -10, 140))
    assert picture.shape == (80, 80, 3)
    assert np.abs(picture[20:60, 20:60].astype(int) - (128, 128, 255)).max() <= 1


def test_without_a_return_there_is_no_normal() -> None:
    assert (view(np.zeros((120, 120, 3), np.float32)) == 128).all()


def test_the_picture_comes_from_the_raw_pixels() -> None:
    points = plane()
    image = np.random.default_rng(0).integers(0, 256, points.shape, np.uint8)
    scan = RawScan(image, points, None)
    np.testing.assert_array_equal(picture_view(scan, WHOLE, 120), image)
    np.testing.assert_array_equal(picture_view(scan, Window(10, 20, 64), 64), image[10:74, 20:84])


def test_the_background_has_one_value() -> None:
    foreground = np.zeros((224, 224), bool)
    foreground[:112] = True
    picture = masked(np.full((400, 400, 3), 7, np.uint8), foreground, 128)
    assert (picture[:200] == 7).all()
    assert (picture[200:] == 128).all()


def test_the_table_says_where_up_is() -> None:
    options = preparation()
    normal = np.array([0.3, -0.2, -1.0]) / np.linalg.norm([0.3, -0.2, -1.0])
    np.testing.assert_allclose(table_normal(raw(plane(0.3, -0.2)), options), normal, atol=1e-3)
    off = options.model_copy(update={"plane_removal": False})
    np.testing.assert_array_equal(table_normal(raw(plane(0.3, -0.2)), off), UP)
