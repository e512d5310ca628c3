"""Good files of every format that is read, to be made hostile."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from testbed.raw_files import (
    PCD_STORAGES,
    PLY_FORMATS,
    write_coloured_pcd,
    write_coloured_ply,
    write_gocator,
    write_pcd,
    write_ply,
)

CAMERAS = {
    "camera.json": {"fx": 40.0, "fy": 40.0, "cx": 7.5, "cy": 5.5, "width": 16, "height": 12},
    "heightmap.json": {"pitch_x": 0.3, "pitch_y": 0.5, "z_scale": 0.003, "z_offset": -60.0},
    "realsense.json": {
        **{"width": 16, "height": 12, "ppx": 7.5, "ppy": 5.5, "fx": 40.0, "fy": 40.0},
        **{"model": "distortion.brown_conrady", "coeffs": [0.0, 0.0, 0.0, 0.0, 0.0]},
    },
    "ros.yaml": {
        "image_width": 16,
        "image_height": 12,
        "camera_matrix": {"rows": 3, "cols": 3, "data": [40, 0, 7.5, 0, 40, 5.5, 0, 0, 1]},
        "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, 0, 0, 0, 0]},
    },
}


def geometry(folder: Path) -> list[Path]:
    """One file of each form of geometry: 12 x 16 points at half a metre."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:12, :16].astype(np.float32)
    points = np.stack([(x - 7.5) / 80, (y - 5.5) / 80, 0.5 + 0.01 * np.sin(x)], -1)
    points = points.astype(np.float32)
    rgb = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    flat, depth = points.reshape(-1, 3), (points[..., 2] * 1000).astype(np.uint16)
    made = [write_ply(folder / f"{form}.ply", flat, form) for form in PLY_FORMATS]
    made += [write_pcd(folder / f"{form}.pcd", flat, form, (12, 16)) for form in PCD_STORAGES]
    made += [write_coloured_ply(folder / "colour.ply", points, rgb)]
    made += [write_coloured_pcd(folder / "colour.pcd", points, rgb, "binary_compressed")]
    made += [write_gocator(folder / "gocator.csv", points[..., 2] * 1000, (0.3, 0.5))]
    np.save(folder / "map.npy", points)
    np.savez_compressed(folder / "map.npz", points)
    np.savetxt(folder / "depth.csv", points[..., 2], delimiter=",")
    tifffile.imwrite(folder / "map.tiff", points, photometric="rgb")
    tifffile.imwrite(folder / "packed.tiff", points, photometric="rgb", compression="zlib")
    tifffile.imwrite(folder / "depth.tiff", depth, tile=(16, 16))
    Image.fromarray(depth).save(folder / "depth.png")
    made += [folder / n for n in ("map.npy", "map.npz", "depth.csv", "map.tiff", "packed.tiff")]
    return made + [folder / n for n in ("depth.tiff", "depth.png")] + _containers(folder, points)


def _containers(folder: Path, points: "np.ndarray") -> list[Path]:
    """Files that the extra `formats` reads, where it is installed."""
    needed = ("h5py", "laspy", "pye57", "rosbags")
    if any(importlib.util.find_spec(name) is None for name in needed):
        return []
    from testbed.container_files import write_bag, write_e57, write_las, write_zdf

    return [
        write_e57(folder / "cloud.e57", points),
        write_las(folder / "cloud.las", points.reshape(-1, 3)),
        write_bag(folder / "cloud.bag", points),
        write_zdf(folder / "cloud.zdf", points * 1000, None),
    ]


def images(folder: Path) -> list[Path]:
    """One image of each form: 12 x 16 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    rgb = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    picture, made = Image.fromarray(rgb), []
    for suffix in ("png", "jpg", "bmp", "tiff"):
        picture.save(folder / f"image.{suffix}")
        made.append(folder / f"image.{suffix}")
    tifffile.imwrite(folder / "wide.tiff", rgb.astype(np.uint16) * 16, photometric="rgb")
    picture.quantize(8).save(folder / "palette.png")
    picture.convert("LA").save(folder / "alpha.png")
    return made + [folder / name for name in ("wide.tiff", "palette.png", "alpha.png")]


def cameras(folder: Path) -> list[Path]:
    """Camera files of several programs, all of them JSON, which is YAML as well."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CAMERAS.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return [folder / name for name in CAMERAS]
