"""The layouts of 3D-ADAM and Real-IAD D3, on made-up trees."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.layouts import find_layout, list_scans, read_scan
from tests.options import listing
from tests.raw_data_sets import plant_scan, write_adam3d, write_real_iad_d3

D3, LIGHT = "real_iad_d3", SimpleNamespace(light=5, own_colours=False)


def listed(root: Path, layout: str, category: str, **options) -> tuple[ScanFiles, ...]:
    return list_scans(root, category, listing(layout=layout, **options))


def test_3d_adam(tmp_path: Path) -> None:
    scans = listed(write_adam3d(tmp_path), "adam3d", "1m1", units="mm")
    assert [(s.id, s.label, s.mask is not None, s.units) for s in scans] == [
        ("train/good/000", 0, False, "mm"),
        ("train/good/001", 0, False, "mm"),
        ("test/Over Extrusion/000", 1, True, "mm"),
        ("test/good/000", 0, False, "mm"),
    ]
    raw = read_scan(scans[2])
    image, points = plant_scan(3)
    np.testing.assert_array_equal(raw.rgb, image)
    np.testing.assert_allclose(raw.points, points / 1000, rtol=1e-6)
    assert raw.mask is not None
    assert raw.mask.sum() == 255 * 100


def test_3d_adams_defects_need_their_masks(tmp_path: Path) -> None:
    write_adam3d(tmp_path)
    (tmp_path / "1m1/test/Over Extrusion/ground_truth/000.png").unlink()
    with pytest.raises(DataError, match=r"has no partner .*ground_truth/000\.png"):
        listed(tmp_path, "adam3d", "1m1")


@pytest.mark.parametrize("light", [1, 4, 5])
def test_real_iad_d3_takes_the_image_of_the_light(tmp_path: Path, light: int) -> None:
    scans = listed(write_real_iad_d3(tmp_path), D3, "knob-cap", light=light)
    assert [(s.id, s.defect, s.label) for s in scans] == [
        ("train/GOOD/S0000", "good", 0),
        ("train/GOOD/S0001", "good", 0),
        ("test/GOOD/S0002", "good", 0),
        ("test/dent/S0003", "dent", 1),
    ]
    raw = read_scan(scans[3])
    np.testing.assert_array_equal(raw.rgb, plant_scan(3)[0] ^ light)
    np.testing.assert_array_equal(raw.points, plant_scan(3)[1])
    assert raw.mask is not None
    assert raw.mask.any()


def test_of_several_images_of_one_light_the_rgb_counts(tmp_path: Path) -> None:
    folder = write_real_iad_d3(tmp_path) / "knob-cap/train/GOOD/rgb/S0000"
    Image.fromarray(plant_scan(9)[0]).save(folder / "S0000_L05_NIR.png")
    assert listed(tmp_path, D3, "knob-cap", light=5)[0].rgb.name == "S0000_L05_RGB.png"
    Image.fromarray(plant_scan(9)[0]).save(folder / "b_L05_RGB.png")
    with pytest.raises(DataError, match="has 2 images of L05, but it must have one"):
        listed(tmp_path, D3, "knob-cap", light=5)


def test_a_light_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    write_real_iad_d3(tmp_path)
    with pytest.raises(DataError, match=r"has 0 images of L02.*a light that it has \(1, 4, 5\)"):
        listed(tmp_path, D3, "knob-cap", light=2)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("train/GOOD/xyz/S0001.tiff", r"has no partner .*xyz/S0001\.tiff"),
        ("test/dent/gt/S0003.png", r"has no partner .*gt/S0003\.png"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, path: str, message: str) -> None:
    write_real_iad_d3(tmp_path)
    (tmp_path / "knob-cap" / path).unlink()
    with pytest.raises(DataError, match=message):
        listed(tmp_path, D3, "knob-cap", light=5)


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    write_real_iad_d3(tmp_path / "raw")
    place = tmp_path / "raw/knob-cap/train/GOOD/rgb/S0000"
    place.rename(tmp_path / "outside")
    place.symlink_to(tmp_path / "outside")
    with pytest.raises(DataError, match="leads out of"):
        listed(tmp_path / "raw", D3, "knob-cap", light=5)


def test_prediction_finds_the_scans_of_a_folder(tmp_path: Path) -> None:
    folder = write_real_iad_d3(tmp_path) / "knob-cap/train/GOOD"
    (folder / "xyz/S0001.tiff").unlink()
    found = find_layout(D3).find(tmp_path, folder, LIGHT)
    assert list(found.pairs) == ["S0000"]
    assert found.pairs["S0000"].rgb.name == "S0000_L05_RGB.png"
    assert list(found.unusable) == ["S0001"]
