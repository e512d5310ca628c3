"""The files kept of an inspection, read back."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mentor3ad.drawing.panels import PREDICTED
from mentor3ad.inspection.found import Inspection
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.pictures import SUFFIXES, heatmap, save_pictures
from mentor3ad.inspection.scans import find_scans
from mentor3ad.readers.formats.ply import read_ply
from mentor3ad.readers.formats.records import Cloud
from testbed.clone import digest


@pytest.fixture(scope="module")
def found(inspector: Inspector, test_scans: Path) -> Inspection:
    scan = find_scans(test_scans, inspector.model).scans[0]
    one = inspector.inspect_scan(scan)
    middle = float(np.median(one.anomaly_map[one.foreground]))
    return Inspection(one.score, middle, one.anomaly_map, one.score_maps, one.scan, one.seconds)


@pytest.fixture(scope="module")
def folder(found: Inspection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pictures")
    save_pictures(out, "bent/001", found, SUFFIXES)
    return out


def test_only_what_is_asked_for_is_written(found: Inspection, tmp_path: Path) -> None:
    save_pictures(tmp_path, "a", found, ["map"])
    assert list(digest(tmp_path)) == ["map/a.tiff"]


def test_the_map_is_the_floats_themselves(found: Inspection, folder: Path) -> None:
    read = tifffile.imread(folder / "map/bent/001.tiff")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, found.anomaly_map)


def test_the_heatmap_outlines_what_is_above_the_threshold(found: Inspection, folder: Path) -> None:
    pixels = np.array(Image.open(folder / "heatmap/bent/001.png"))
    np.testing.assert_array_equal(pixels, heatmap(found))
    yellow = (pixels == PREDICTED).all(axis=-1)
    assert yellow.any()
    assert not yellow[found.mask].any()
    outside = ~found.foreground
    outside[np.nonzero(yellow)] = False
    assert np.ptp(pixels[outside].astype(int), axis=-1).max() == 0  # grey: never coloured


def test_the_cloud_is_the_foreground(found: Inspection, folder: Path) -> None:
    path = folder / "ply/bent/001.ply"
    cloud = read_ply(path)
    assert isinstance(cloud, Cloud)
    np.testing.assert_array_equal(cloud.points, found.scan.points[found.foreground])
    body = path.read_bytes().partition(b"end_header\n")[2]
    rows = np.frombuffer(body, [("xyz", "<f4", 3), ("colour", "u1", 3), ("anomaly", "<f4")])
    np.testing.assert_array_equal(rows["anomaly"], found.anomaly_map[found.foreground])
    np.testing.assert_array_equal(rows["colour"], heatmap(found)[found.foreground])


def test_the_same_inspection_gives_the_same_bytes(
    found: Inspection, folder: Path, tmp_path: Path
) -> None:
    save_pictures(tmp_path, "bent/001", found, SUFFIXES)
    assert digest(tmp_path) == digest(folder)
