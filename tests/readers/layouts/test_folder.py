"""A plant's own scans: every tree that is accepted, and a sentence for each that is not."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.layouts import list_scans, read_scan
from tests.options import listing
from tests.raw_data_sets import plant_scan, write_coloured, write_nested, write_pair
from tests.raw_scans import write_png

CAMERA = {"fx": 500.0, "fy": 500.0, "cx": 50.0, "cy": 45.0, "width": 100, "height": 90}


def listed(root: Path, **options) -> tuple[ScanFiles, ...]:
    return list_scans(root, "part", listing(layout="folder", **options))


def facts(scans: tuple[ScanFiles, ...]) -> list[tuple[str, str, str, int | None, bool]]:
    return [(s.id, s.split, s.defect, s.label, s.mask is not None) for s in scans]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "raw/part"


@pytest.fixture
def root(home: Path) -> Path:
    return home.parent


# Trees


def test_splits_with_role_folders(root: Path, home: Path) -> None:
    write_nested(home / "train/good", "1")
    write_nested(home / "validation/good", "1")
    write_nested(home / "test/good", "1")
    write_nested(home / "test/dent", "1", masked=True)
    assert facts(listed(root)) == [
        ("train/good/1", "train", "good", 0, False),
        ("validation/good/1", "validation", "good", 0, False),
        ("test/dent/1", "test", "dent", 1, True),
        ("test/good/1", "test", "good", 0, False),
    ]


@pytest.mark.parametrize("place", ["train/good", "train/good/xyz"])
def test_a_cloud_with_colours_is_its_own_image(root: Path, home: Path, place: str) -> None:
    path = write_coloured(home / place, "1", seed=5)
    (scan,) = listed(root)
    assert (scan.rgb, scan.points) == (path, path)
    image, points = plant_scan(5)
    raw = read_scan(scan)
    np.testing.assert_array_equal(raw.rgb, image)
    np.testing.assert_array_equal(raw.points, points)


def test_a_separate_image_goes_before_the_clouds_colours(root: Path, home: Path) -> None:
    write_coloured(home / "train", "1", seed=5)
    other = plant_scan(6)[0]
    write_png(home / "train/1.png", other)
    (scan,) = listed(root)
    np.testing.assert_array_equal(read_scan(scan).rgb, other)


def test_a_table_of_heights_beside_one_image_is_the_geometry(root: Path, home: Path) -> None:
    folder = home / "train"
    write_pair(folder, "1")  # with a list of anything beside it
    for image in ("2.png", "3.tiff", "4_intensity.png"):
        write_png(folder / image, plant_scan(2)[0])
    for table in ("1.csv", "2.csv", "3.csv", "4.csv", "labels.csv"):
        (folder / table).write_text("1,2\n3,4\n")
    assert [(s.rgb.name, s.points.name) for s in listed(root)] == [
        ("1.png", "1.npy"),
        ("2.png", "2.csv"),
        ("3.tiff", "3.csv"),
        ("4_intensity.png", "4.csv"),
    ]


def test_an_image_of_another_camera_is_brought_onto_the_depth(root: Path, home: Path) -> None:
    """Both look along one axis, the image twice as fine: each pixel of depth shows its middle."""
    rig = {
        "depth": {"fx": 50.0, "fy": 50.0, "cx": 4.5, "cy": 3.5, "width": 10, "height": 8},
        "color": {"fx": 100.0, "fy": 100.0, "cx": 9.5, "cy": 7.5, "width": 20, "height": 16},
        "color_from_depth": np.eye(4).tolist(),
    }
    image = np.repeat(np.repeat(np.arange(240, dtype=np.uint8).reshape(8, 10, 3), 2, 0), 2, 1)
    mask = np.zeros((16, 20), np.uint8)
    mask[4:6, 8:10] = 1
    for name, picture in (("1_rgb", image), ("1_mask", mask)):
        write_png(home / f"test/dent/{name}.png", picture)
    write_png(home / "train/2_rgb.png", image)
    for place in ("test/dent/1", "train/2"):
        np.save(home / f"{place}_depth.npy", np.full((8, 10), 500.0))
    (home / "rig.json").write_text(json.dumps(rig))
    scans = {scan.split: read_scan(scan) for scan in listed(root, units="mm")}
    np.testing.assert_array_equal(scans["train"].rgb, image[::2, ::2])
    np.testing.assert_allclose(scans["train"].points[..., 2], 0.5)
    np.testing.assert_array_equal(np.argwhere(scans["test"].mask), [[2, 4]])
    write_png(home / "train/2_rgb.png", image[1:])
    with pytest.raises(DataError, match=r"2_rgb\.png is 15 x 20 pixels but its camera has 16 x 20"):
        read_scan(listed(root, units="mm")[0])


def test_two_files_that_say_how_to_read(root: Path, home: Path) -> None:
    write_pair(home / "train", "1")
    (home / "camera.json").write_text(json.dumps(CAMERA))
    (home / "heightmap.yaml").write_text("pitch_x: 1\npitch_y: 1\n")
    with pytest.raises(DataError, match=r"camera\.json and heightmap\.yaml both say how"):
        listed(root)


def test_splits_with_files_side_by_side(root: Path, home: Path) -> None:
    write_pair(home / "train", "1")
    write_pair(home / "test/dent", "1", masked=True)
    write_pair(home / "test/dent", "2")
    write_pair(home / "test/unknown", "1")
    write_pair(home / "test", "9")
    assert facts(listed(root)) == [
        ("train/1", "train", "good", 0, False),
        ("test/dent/1", "test", "dent", 1, True),
        ("test/dent/2", "test", "dent", 1, False),
        ("test/9", "test", "unknown", None, False),
        ("test/unknown/1", "test", "unknown", None, False),
    ]


def test_without_splits_a_share_of_the_good_is_kept_for_the_test(root: Path, home: Path) -> None:
    for i in range(10):
        write_pair(home / "good", str(i), seed=i)
    write_pair(home / "dent", "0", seed=99)
    scans = listed(root, test_share=0.3)
    kinds = [(s.split, s.defect) for s in scans]
    assert kinds.count(("train", "good")) == 7
    assert kinds.count(("test", "good")) == 3
    assert kinds.count(("test", "dent")) == 1


def test_the_share_is_chosen_by_content_not_by_name(root: Path, home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other/part"
    for i in range(6):
        write_pair(home / "good", str(i), seed=i)
        write_pair(other / "good", f"scan {9 - i} ü", seed=i)
    here, there = (
        {s.rgb.read_bytes() for s in listed(folder.parent) if s.split == "test"}
        for folder in (home, other)
    )
    assert here == there
    assert len(here) == 1


@pytest.mark.parametrize(("good", "train"), [(1, 1), (2, 2), (3, 2), (4, 2), (8, 4)])
def test_two_good_scans_at_least_are_trained_on(
    root: Path, home: Path, good: int, train: int
) -> None:
    for i in range(good):
        write_pair(home / "good", str(i), seed=i)
    assert sum(s.split == "train" for s in listed(root, test_share=0.5)) == train


def test_names_of_splits_and_good_in_either_case_and_val(root: Path, home: Path) -> None:
    write_pair(home / "Train/GOOD", "1")
    write_pair(home / "val/Good", "1")
    assert [(s.split, s.defect, s.label) for s in listed(root)] == [
        ("train", "good", 0),
        ("validation", "good", 0),
    ]


# Pairs


@pytest.mark.parametrize(
    ("names", "rgb", "points", "mask"),
    [
        (["1.png", "1.ply"], "1.png", "1.ply", None),
        (["1_rgb.png", "1_xyz.tiff", "1_mask.png"], "1_rgb.png", "1_xyz.tiff", "1_mask.png"),
        (["1.jpg", "1_depth.png", "1_gt.bmp"], "1.jpg", "1_depth.png", "1_gt.bmp"),
        (["1.png", "1.tiff"], "1.png", "1.tiff", None),
        (["1.tif", "1.pcd"], "1.tif", "1.pcd", None),
        (["1_RGB.PNG", "1.PLY", "1-Mask.Png"], "1_RGB.PNG", "1.PLY", "1-Mask.Png"),
        (["a b ü.png", "a b ü.npz"], "a b ü.png", "a b ü.npz", None),
        (["rgb/1.png", "depth/1.png", "masks/1.png"], "rgb/1.png", "depth/1.png", "masks/1.png"),
        (["RGB/1_rgb.png", "points/1.npy"], "RGB/1_rgb.png", "points/1.npy", None),
        (["1.png", "1.npy", "1.txt", ".1.png", "notes.md"], "1.png", "1.npy", None),
    ],
)
def test_files_of_one_scan(
    root: Path, home: Path, names: list[str], rgb: str, points: str, mask: str | None
) -> None:
    folder = home / "train/good"
    touch(folder, *names)
    (scan,) = listed(root)
    assert (scan.rgb, scan.points) == (folder / rgb, folder / points)
    assert scan.mask == (None if mask is None else folder / mask)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1.png"], r"1\.png has no geometry, no other file called '1'"),
        (["1.ply"], r"1\.ply has no image, no other file called '1'"),
        (["1.png", "1.ply", "2_mask.png"], r"2_mask\.png has no image"),
        (["1.png", "1.ply", "1.npy"], r"are both the points of one scan: remove one"),
        (["1.png", "1.jpg", "1.ply"], r"are both the rgb of one scan"),
        (["xyz/1.tiff", "depth/1.png", "rgb/1.png"], r"are both the points of one scan"),
        (["rgb/1.png"], r"rgb/1\.png has no geometry"),
        (["xyz/1.tiff"], r"xyz/1\.tiff has no image"),
        (["rgb/1.png", "xyz/1.ply", "gt/2.png"], r"gt/2\.png has no image"),
        (["1.png", "1.ply", "rgb/2.png", "xyz/2.ply"], r"lies beside the folder rgb"),
    ],
)
def test_files_that_make_no_scan(root: Path, home: Path, names: list[str], message: str) -> None:
    touch(home / "train/good", *names)
    with pytest.raises(DataError, match=message):
        listed(root)


# Refusals


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("kind", ["dent", "unknown"])
def test_only_good_scans_outside_the_test(root: Path, home: Path, split: str, kind: str) -> None:
    write_pair(home / "train/good", "1")
    write_pair(home / split / kind, "1")
    with pytest.raises(DataError, match=f"is {kind} in the {split} split.*move it to test"):
        listed(root)


@pytest.mark.parametrize("place", ["test/good", "dent"])
def test_without_scans_to_train_on(root: Path, home: Path, place: str) -> None:
    write_pair(home / place, "1")
    with pytest.raises(DataError, match="holds no scans: put the good scans to learn from there"):
        listed(root)


@pytest.mark.parametrize("write", [write_pair, write_nested])
def test_scans_right_in_the_category(root: Path, home: Path, write) -> None:
    write(home, "1")
    with pytest.raises(DataError, match=r"nobody calls good or defective: put them into .*good"):
        listed(root)


@pytest.mark.parametrize("write", [write_pair, write_nested])
def test_scans_right_in_the_category_are_good_in_the_layout_loose(
    root: Path, home: Path, write
) -> None:
    for i in range(5):
        write(home, f"IMG_{i}", seed=i)
    write_pair(home / "scratch", "1", seed=9, masked=True)
    scans = list_scans(root, "part", listing(layout="loose", test_share=0.2))
    good = sorted((s.id, s.defect, s.label) for s in scans if s.label == 0)
    assert good == [(f"good/IMG_{i}", "good", 0) for i in range(5)]
    assert [s.split for s in scans] == ["train"] * 4 + ["test"] * 2
    assert facts(scans)[-1] == ("scratch/1", "test", "scratch", 1, True)
    assert read_scan(scans[0]).rgb.shape == (90, 100, 3)


def test_beside_a_folder_of_good_scans_nobody_knows_what_loose_ones_are(
    root: Path, home: Path
) -> None:
    write_pair(home, "1")
    write_pair(home / "OK", "1")
    with pytest.raises(DataError, match=r"nobody calls good or defective.*defect's name\.$"):
        list_scans(root, "part", listing(layout="loose"))


@pytest.mark.parametrize("category", ["other", "..", "../raw/part", "", "part/train"])
def test_unknown_category(root: Path, home: Path, category: str) -> None:
    write_pair(home / "train", "1")
    with pytest.raises(DataError, match=r"is not a category in .* found: part;"):
        list_scans(root, category, listing(layout="folder"))


def test_missing_root(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is not a folder: point data\.root"):
        list_scans(tmp_path / "no", "part", listing(layout="folder"))


@pytest.mark.parametrize("place", ["train", "train/good", "train/good/xyz", "train/good/rgb/1.png"])
def test_a_link_that_leaves_the_root(root: Path, home: Path, tmp_path: Path, place: str) -> None:
    write_nested(home / "train/good", "1")
    (home / place).rename(tmp_path / "outside")
    (home / place).symlink_to(tmp_path / "outside")
    with pytest.raises(DataError, match="leads out of"):
        listed(root)


def test_a_camera_that_leaves_the_root(root: Path, home: Path, tmp_path: Path) -> None:
    write_pair(home / "train", "1")
    (tmp_path / "camera.json").write_text(json.dumps(CAMERA))
    (home / "camera.json").symlink_to(tmp_path / "camera.json")
    with pytest.raises(DataError, match=r"camera\.json leads out of"):
        listed(root)


def test_a_name_with_a_line_break(root: Path, home: Path) -> None:
    write_pair(home / "train", "1\n2")
    with pytest.raises(DataError, match="cannot be printed"):
        listed(root)


# Camera and units


def test_the_categorys_camera_goes_before_the_roots(root: Path, home: Path) -> None:
    write_pair(home / "train", "1")
    assert listed(root)[0].sidecars == {}
    (root / "camera.json").write_text("{}")
    assert listed(root)[0].sidecars == {"camera": root / "camera.json"}
    (home / "camera.yaml").write_text("{}")
    assert listed(root)[0].sidecars == {"camera": home / "camera.yaml"}
    (root / "left.json").write_text("{}")
    assert listed(root, camera="left.json")[0].sidecars == {"camera": root / "left.json"}


def test_a_named_camera_that_is_not_there(root: Path, home: Path) -> None:
    write_pair(home / "train", "1")
    with pytest.raises(DataError, match=r"data\.camera: left\.json is neither in .* nor in"):
        listed(root, camera="left.json")


def test_points_in_millimetres_arrive_in_metres(root: Path, home: Path) -> None:
    image, points = plant_scan(0)
    write_png(home / "train/1.png", image)
    np.save(home / "train/1.npy", points * 1000)
    raw = read_scan(listed(root, units="mm")[0])
    np.testing.assert_allclose(raw.points, points, rtol=1e-6)
    np.testing.assert_array_equal(raw.rgb, image)
    assert not raw.part_only


def test_depth_becomes_points_through_the_camera(root: Path, home: Path) -> None:
    image, points = plant_scan(0)
    depth = np.rint(points[..., 2] * 1000).astype(np.uint16)
    write_png(home / "train/1.png", image)
    Image.fromarray(depth).save(home / "train/1_depth.png")
    (home / "camera.json").write_text(json.dumps(CAMERA))
    raw = read_scan(listed(root, units="mm")[0])
    y, x = 10, 70
    z = depth[y, x] / 1000
    expected = [(x - CAMERA["cx"]) * z / 500, (y - CAMERA["cy"]) * z / 500, z]
    np.testing.assert_allclose(raw.points[y, x], expected, rtol=1e-5)


def test_depth_without_a_camera_is_refused(root: Path, home: Path) -> None:
    image, points = plant_scan(0)
    write_png(home / "train/1.png", image)
    np.save(home / "train/1_depth.npy", points[..., 2])
    with pytest.raises(DataError, match=r"1_depth\.npy is a depth image: give the camera"):
        read_scan(listed(root)[0])


def test_a_mask_of_another_size_is_named(root: Path, home: Path) -> None:
    write_pair(home / "train", "1")
    write_pair(home / "test/dent", "1")
    write_png(home / "test/dent/1_mask.png", np.zeros((90, 99), np.uint8))
    with pytest.raises(DataError, match=r"1_mask\.png is 90 x 99 pixels but .*1\.png is 90 x 100"):
        read_scan(listed(root)[1])


def test_points_of_another_size_are_named(root: Path, home: Path) -> None:
    write_pair(home / "train", "1")
    np.save(home / "train/1.npy", plant_scan(0)[1][1:])
    with pytest.raises(DataError, match=r"1\.npy is 89 x 100 pixels but"):
        read_scan(listed(root)[0])
