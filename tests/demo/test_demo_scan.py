"""One rendered scan: units and ranges, what a defect may change, and where the part lies."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from mentor3ad.demo.parts import CATEGORIES, PARTS
from mentor3ad.demo.scan import DemoScan, render_scan, scan_seed
from mentor3ad.plumbing.errors import ConfigError

KINDS = [(category, kind) for category in CATEGORIES for kind in PARTS[category].defects]


def heights(scan: DemoScan) -> np.ndarray:
    """mm above the plane fitted to the border; NaN without a return."""
    size = scan.gt.shape[0]
    band = np.ones((size, size), bool)
    band[size // 40 : -(size // 40), size // 40 : -(size // 40)] = False
    valid = scan.xyz[..., 2] > 0
    points = scan.xyz.astype(np.float64) * 1000
    border = points[band & valid]
    terms = np.c_[border[:, :2], np.ones(len(border))]
    a, b, c = np.linalg.lstsq(terms, border[:, 2], rcond=None)[0]
    above = (points[..., 0] * a + points[..., 1] * b + c - points[..., 2]) / np.hypot(
        1, np.hypot(a, b)
    )
    return np.where(valid, above, np.nan)


@pytest.mark.parametrize("category", CATEGORIES)
def test_types_units_and_ranges(category: str) -> None:
    scan = render_scan(category, (7,), 96)
    assert (scan.rgb.dtype, scan.xyz.dtype, scan.gt.dtype) == (np.uint8, np.float32, np.uint8)
    assert scan.rgb.shape == scan.xyz.shape == (96, 96, 3)
    depth = scan.xyz[..., 2]
    assert ((depth == 0) | ((depth > 0.40) & (depth < 0.50))).all()
    assert scan.gt.max() == 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_return_is_all_zero(category: str) -> None:
    xyz = render_scan(category, (8,), 96).xyz
    lost = xyz[..., 2] == 0
    assert 0.001 < lost.mean() < 0.1
    assert (xyz[lost] == 0).all()
    assert (np.abs(xyz[~lost]).sum(axis=-1) > 0.4).all()


@pytest.mark.parametrize("category", CATEGORIES)
def test_table_fills_the_border_below_the_part(category: str) -> None:
    above = heights(render_scan(category, (9,), 96))
    outer = np.r_[
        above[:3].ravel(), above[-3:].ravel(), above[:, :3].ravel(), above[:, -3:].ravel()
    ]
    assert np.nanmax(np.abs(outer)) < 2.0
    part = above > 5.0
    assert 0.18 <= part.mean() <= 0.27
    assert np.nanmedian(above[part]) > 7.0


@pytest.mark.parametrize(("category", "kind"), KINDS)
def test_defect_has_a_mask_on_the_part(category: str, kind: str) -> None:
    scan = render_scan(category, scan_seed(0, category, kind, 1), 96, kind)
    mask = scan.gt > 0
    assert mask.sum() >= 60 * (96 / 400) ** 2
    assert np.unique(scan.gt[mask]).tolist() == [PARTS[category].class_ids()[kind]]
    above = heights(scan)[mask]
    assert np.nanmin(above) > 5.0


@pytest.mark.parametrize(("category", "kind"), KINDS)
def test_defect_changes_nothing_outside_its_mask(category: str, kind: str) -> None:
    seed = scan_seed(0, category, kind, 2)
    good, bad = render_scan(category, seed, 96), render_scan(category, seed, 96, kind)
    seen = (good.xyz[..., 2] > 0) & (bad.xyz[..., 2] > 0)
    moved = np.abs(good.xyz[..., 2] - bad.xyz[..., 2]) * 1000
    near = binary_dilation(bad.gt > 0, iterations=2)
    assert moved[seen & ~near].max() < 0.42
    far = ~binary_dilation(bad.gt > 0, iterations=8)  # beyond the defect's shadow and shading
    shift = np.abs(good.rgb.astype(int) - bad.rgb.astype(int)).max(axis=-1)
    assert shift[far].max() <= 12


@pytest.mark.parametrize(("category", "kind"), KINDS)
def test_defect_shows_inside_its_mask(category: str, kind: str) -> None:
    seed = scan_seed(0, category, kind, 3)
    good, bad = render_scan(category, seed, 96), render_scan(category, seed, 96, kind)
    mask = (bad.gt > 0) & (good.xyz[..., 2] > 0) & (bad.xyz[..., 2] > 0)
    moved = np.abs(good.xyz[..., 2] - bad.xyz[..., 2])[mask] * 1000
    shift = np.abs(good.rgb.astype(int) - bad.rgb.astype(int)).max(axis=-1)[mask]
    assert np.median(moved) > 0.4 or np.median(shift) > 12


def test_good_scans_differ() -> None:
    first, second = render_scan("clutch", (1, 0), 64), render_scan("clutch", (1, 1), 64)
    assert (first.rgb != second.rgb).mean() > 0.3


def test_unknown_category_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'bagel'.*biscuit, clutch, nectarine"):
        render_scan("bagel", (0,), 64)


def test_unknown_defect_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'mould'.*biscuit.*crack"):
        render_scan("biscuit", (0,), 64, "mould")
