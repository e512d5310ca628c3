"""The inspector itself: arrays and files, batches and threads, and what it refuses."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.inspection.found import Inspection
from mentor3ad.inspection.inspector import STEPS, Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.plumbing.errors import BundleError, ConfigError, DataError
from mentor3ad.readers.images import read_points, read_rgb
from testbed.clone import CATEGORY


def bits(one: Inspection) -> tuple[float, bytes, bytes, bytes]:
    maps = one.anomaly_map, one.score_maps, one.mask
    return one.score, *(np.ascontiguousarray(array).tobytes() for array in maps)


@pytest.fixture(scope="module")
def files(test_scans: Path) -> tuple[Path, Path]:
    return test_scans / "good/rgb/000.png", test_scans / "good/xyz/000.tiff"


@pytest.fixture(scope="module")
def found(inspector: Inspector, files: tuple[Path, Path]) -> Inspection:
    return inspector.inspect(*files)


def test_shapes_and_types(found: Inspection) -> None:
    assert (found.anomaly_map.shape, found.anomaly_map.dtype) == ((224, 224), np.float32)
    assert (found.score_maps.shape, found.score_maps.dtype) == ((3, 224, 224), np.float32)
    assert (found.mask.shape, found.mask.dtype) == ((224, 224), np.bool_)
    assert tuple(found.seconds) == STEPS
    assert not found.score_maps[:, ~found.foreground].any()


def test_the_mask_is_the_foreground_above_the_threshold(found: Inspection) -> None:
    middle = float(np.median(found.anomaly_map[found.foreground]))
    lower = Inspection(
        found.score, middle, found.anomaly_map, found.score_maps, found.scan, found.seconds
    )
    expected = (found.anomaly_map.astype(np.float64) > middle) & found.foreground
    np.testing.assert_array_equal(lower.mask, expected)
    assert 0 < lower.mask.sum() < found.foreground.sum()
    assert lower.defective


@pytest.mark.parametrize("defective", [False, True])
def test_a_part_is_defective_where_its_mask_is_not_empty(
    found: Inspection, defective: bool
) -> None:
    """At the score itself it is good, below it defective, whatever float32 rounds to."""
    threshold = np.nextafter(found.score, 0) if defective else found.score
    one = Inspection(
        found.score, threshold, found.anomaly_map, found.score_maps, found.scan, found.seconds
    )
    assert (one.defective, bool(one.mask.any())) == (defective, defective)


def test_arrays_give_what_their_files_give(
    inspector: Inspector, files: tuple[Path, Path], found: Inspection
) -> None:
    arrays = read_rgb(files[0]), read_points(files[1])
    assert bits(inspector.inspect(*arrays)) == bits(found)


def test_threads_get_the_bits_of_one_thread(inspector: Inspector, test_scans: Path) -> None:
    scans = find_scans(test_scans, inspector.model).scans
    alone = [bits(inspector.inspect_scan(scan)) for scan in scans]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda s: bits(inspector.inspect_scan(s)), scans * 3))
    assert together == alone * 3


def test_a_batch_gives_each_scan_in_order_and_passes_a_bad_one(
    inspector: Inspector, test_scans: Path, tmp_path: Path
) -> None:
    scans = find_scans(test_scans, inspector.model).scans
    bad = (tmp_path / "gone.png", tmp_path / "gone.tiff")
    results = list(inspector.inspect_batch([scans[0], bad, *scans[1:]], workers=2))
    assert isinstance(results[1], DataError)
    assert "gone.png does not exist" in str(results[1])
    good = [bits(r) for r in results if isinstance(r, Inspection)]
    assert good == [bits(inspector.inspect_scan(scan)) for scan in scans]


def test_a_batch_that_is_left_stops_reading(inspector: Inspector, test_scans: Path) -> None:
    scans = find_scans(test_scans, inspector.model).scans
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield scans[0]

    next(batch := inspector.inspect_batch(endless(), workers=1))
    batch.close()
    assert len(taken) <= 4


def test_warming_up_changes_no_result(
    inspector: Inspector, files: tuple[Path, Path], found: Inspection
) -> None:
    assert inspector.warm_up() > 0
    assert bits(inspector.inspect(*files)) == bits(found)


SQUARE = np.zeros((50, 50, 3), np.uint8)
POINTS = np.ones((50, 50, 3), np.float32)


@pytest.mark.parametrize(
    ("rgb", "points", "said"),
    [
        (SQUARE.astype(float), POINTS, "the image is float64 of shape (50, 50, 3)"),
        (SQUARE[..., :1], POINTS, "the image is uint8 of shape (50, 50, 1)"),
        (SQUARE, POINTS.astype(np.float64), "the point map is float64"),
        (SQUARE, POINTS[:40], "the point map is 40 x 50 pixels but the image 50 x 50"),
        (SQUARE, POINTS * np.nan, "NaN, Inf or coordinates above 100 m"),
        (SQUARE, POINTS * 500, "NaN, Inf or coordinates above 100 m"),
        (SQUARE[:0], POINTS[:0], "sides are 1 to 8192"),
        (SQUARE, POINTS * 0, "the scan has 0 foreground points"),
        (SQUARE, Path("x.tiff"), "both be files or both be arrays"),
    ],
)
def test_what_is_no_scan_is_refused(
    inspector: Inspector, rgb: np.ndarray, points: np.ndarray | Path, said: str
) -> None:
    with pytest.raises(DataError) as caught:
        inspector.inspect(rgb, points)
    assert said in str(caught.value)


def test_a_part_with_fewer_points_than_groups_is_named(
    inspector: Inspector, files: tuple[Path, Path]
) -> None:
    settings = inspector.model.settings
    points = settings.features.points.model_copy(update={"groups": 60000})
    features = settings.features.model_copy(update={"points": points})
    demanding = settings.model_copy(update={"features": features})
    with pytest.raises(DataError) as caught:
        Inspector(replace(inspector.model, settings=demanding)).inspect(*files)
    assert str(caught.value).startswith(f"{files[1]}: ")


def test_a_project_needs_a_category_that_it_has(project: Path) -> None:
    with pytest.raises(ConfigError, match="name one of its categories"):
        Inspector.load(project)
    with pytest.raises(ConfigError, match=r"category screw: not among data\.categories"):
        Inspector.load(project, "screw")


def test_a_folder_that_is_neither_bundle_nor_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        Inspector.load(tmp_path, CATEGORY)


def test_an_unknown_device_is_refused(bundle: Path) -> None:
    with pytest.raises(ConfigError, match="device 'tpu': give auto, cpu, cuda or cuda:N"):
        Inspector.load(bundle, device="tpu")
