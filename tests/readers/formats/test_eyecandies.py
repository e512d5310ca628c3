"""Eyecandies' depth to points against the published code's numbers."""

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.eyecandies import decode_depth, depth_to_points, remove_background
from tests.paths import ROOT

GOLDEN = ROOT / "tests/golden/11_eyecandies"
CASES = [("s512_rot", 711.11), ("s64", 88.9)]  # name, focal length


@pytest.fixture(params=CASES, ids=[name for name, _ in CASES], scope="module")
def case(request) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The golden's arrays and our points before the background is removed."""
    name, focal = request.param
    with Image.open(GOLDEN / f"{name}_depth.png") as image:
        pixels = np.asarray(image).astype(np.uint16)
    span = YAML(typ="safe", pure=True).load(GOLDEN / f"{name}_info_depth.yaml")["normalization"]
    depth = decode_depth(pixels, span["min"], span["max"])
    points = depth_to_points(depth, np.loadtxt(GOLDEN / f"{name}_pose.txt"), focal)
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        return dict(arrays), points


def test_points_are_the_published_codes(case) -> None:
    golden, points = case
    step = int(golden["step"])
    np.testing.assert_allclose(points[::step, ::step], golden["raw_points_sub"], rtol=0, atol=1e-9)


def test_points_without_background_are_the_published_codes(case) -> None:
    golden, points = case
    step = int(golden["step"])
    found = remove_background(points)[::step, ::step]
    np.testing.assert_allclose(found, golden["out_points_sub"], rtol=0, atol=1e-9)


def test_foreground_is_where_all_three_are_non_zero(case) -> None:
    golden, points = case
    found = remove_background(points).all(axis=-1)
    differs = found != golden["foreground"]
    differs[found.shape[0] // 2] = False  # rounding decides there in the published code, too
    differs[:, found.shape[1] // 2] = False
    assert differs.sum() == 0


def test_depth_spans_its_range() -> None:
    pixels = np.array([[0, 65535]], dtype=np.uint16)
    np.testing.assert_array_equal(decode_depth(pixels, 2.5, 6.5), np.float32([[2.5, 6.5]]))


def test_points_without_a_tilt_are_refused() -> None:
    with pytest.raises(DataError, match="no table"):
        remove_background(np.zeros((32, 32, 3)))
