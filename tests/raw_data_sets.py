"""Tiny data sets in the layouts other than MVTec 3D-AD's own."""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.raw_files import write_coloured_ply
from tests.options import listing
from tests.paths import ROOT
from tests.raw_scans import disc_points, write_data_set, write_png, write_points

GOLDEN = ROOT / "tests/golden/11_eyecandies"
SIDE = 64  # pixels of an Eyecandies scan
LIGHTS = 6


def write_candy(
    folder: Path, stem: str, seed: int = 0, masks: tuple[str, ...] | None = (), suffix: str = "yaml"
) -> None:
    """One Eyecandies scan: the golden's geometry and seeded colours.

    Args:
        masks: types of defect that its masks show; None for no mask at all, as test_private.
    """
    rng = np.random.default_rng(seed)
    for light in range(LIGHTS):
        image = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        write_png(folder / f"{stem}_image_{light}.png", image)
    shutil.copyfile(GOLDEN / "s64_depth.png", folder / f"{stem}_depth.png")
    shutil.copyfile(GOLDEN / "s64_info_depth.yaml", folder / f"{stem}_info_depth.{suffix}")
    shutil.copyfile(GOLDEN / "s64_pose.txt", folder / f"{stem}_pose.txt")
    write_png(folder / f"{stem}_normals.png", image)
    if masks is None:
        return
    for kind in ("bumps", "colors", "dents", "normals"):
        write_mask(folder / f"{stem}_{kind}_mask.png", kind in masks)
    write_mask(folder / f"{stem}_mask.png", bool(masks))


def write_mask(path: Path, marked: bool, shape: tuple[int, int] = (SIDE, SIDE)) -> None:
    """A mask with a square of 255, or nothing."""
    mask = np.zeros(shape, np.uint8)
    mask[30:40, 30:40] = 255 * marked
    write_png(path, mask)


def write_eyecandies(root: Path, category: str = "GummyBear") -> Path:
    """Two scans to train, one to validate, three of the public and one of the private test."""
    home = root / category
    for i in range(2):
        write_candy(home / "train/data", f"{i:03d}", seed=i)
    write_candy(home / "val/data", "000", seed=2)
    for i, masks in enumerate([(), ("dents",), ("bumps", "colors")]):
        write_candy(home / "test_public/data", f"{i:02d}", seed=3 + i, masks=masks)
    write_candy(home / "test_private/data", "000", seed=9, masks=None)
    return root


def plant_scan(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(90, 100) image and points of a disc, its radius and colours by the seed."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (90, 100, 3), dtype=np.uint8)
    return image, disc_points(90, 100, rng.uniform(20, 35))


def write_pair(folder: Path, stem: str, seed: int = 0, masked: bool = False) -> None:
    """STEM.png and STEM.npy side by side, and STEM_mask.png."""
    image, points = plant_scan(seed)
    write_png(folder / f"{stem}.png", image)
    np.save(folder / f"{stem}.npy", points)
    if masked:
        write_mask(folder / f"{stem}_mask.png", True, (90, 100))


def write_coloured(folder: Path, stem: str, seed: int = 0) -> Path:
    """STEM.ply alone, organised, with the colours of its points."""
    image, points = plant_scan(seed)
    folder.mkdir(parents=True, exist_ok=True)
    return write_coloured_ply(folder / f"{stem}.ply", points, image)


def write_nested(folder: Path, stem: str, seed: int = 0, masked: bool = False) -> None:
    """rgb/STEM.png, xyz/STEM.tiff and gt/STEM.png."""
    image, points = plant_scan(seed)
    write_png(folder / f"rgb/{stem}.png", image)
    write_points(folder / f"xyz/{stem}.tiff", points)
    if masked:
        write_mask(folder / f"gt/{stem}.png", True, (90, 100))


def write_folder(root: Path, category: str = "part") -> Path:
    """Three scans to train, a dent with its mask and a good one to test; side by side."""
    for i in range(3):
        write_pair(root / category / "train/good", str(i), seed=i)
    write_pair(root / category / "test/dent", "0", seed=3, masked=True)
    write_pair(root / category / "test/good", "0", seed=4)
    return root


def write_loose(root: Path, category: str = "part") -> Path:
    """Four good scans right in the category's folder, and a dent with its mask."""
    for i in range(4):
        write_pair(root / category, f"IMG_{i:03d}", seed=i)
    write_pair(root / category / "dent", "0", seed=4, masked=True)
    return root


def write_adam3d(root: Path, category: str = "1m1") -> Path:
    """Two scans to train, a dent and a good one to test; masks in ground_truth, metres."""
    home = root / category
    for i in range(2):
        write_nested(home / "train/good", f"{i:03d}", seed=i)
    write_nested(home / "test/good", "000", seed=2)
    write_nested(home / "test/Over Extrusion", "000", seed=3)
    write_mask(home / "test/Over Extrusion/ground_truth/000.png", True, (90, 100))
    return root


def write_real_iad_d3(root: Path, category: str = "knob-cap") -> Path:
    """Two scans to train, a dent and a good one to test; three lights each, metres."""
    home = root / category
    for i, place in enumerate(["train/GOOD", "train/GOOD", "test/GOOD", "test/dent"]):
        image, points = plant_scan(i)
        name = f"S{i:04d}"
        for light in (1, 4, 5):
            write_png(home / place / f"rgb/{name}/{name}_L{light:02d}_RGB.png", image ^ light)
        write_png(home / place / f"ps/{name}.png", image)
        write_points(home / place / f"xyz/{name}.tiff", points)
    write_mask(home / "test/dent/gt/S0003.png", True, (90, 100))
    return root


# By name: what writes a data set, its category, and how it is read.
LAYOUTS = {
    "mvtec3d": (write_data_set, "disc", listing()),
    "eyecandies": (
        write_eyecandies,
        "GummyBear",
        listing(layout="eyecandies", test_private=True),
    ),
    "folder": (write_folder, "part", listing(layout="folder")),
    "loose": (write_loose, "part", listing(layout="loose")),
    "adam3d": (write_adam3d, "1m1", listing(layout="adam3d")),
    "real_iad_d3": (write_real_iad_d3, "knob-cap", listing(layout="real_iad_d3", light=5)),
}
