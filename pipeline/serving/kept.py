"""What is kept of a scan beside its row: its files, and what its pictures are drawn from."""

import io
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from ..dataset.grid import SIZE
from ..inspection.found import Inspection
from ..inspection.pictures import draw_heatmap
from ..plumbing.documents import dump_json, read_json
from ..plumbing.errors import DataError
from ..plumbing.files import replaced_whole
from ..plumbing.system import is_the_machines
from ..preparation.resize import restore_rgb

VIEW_FILE, FILES_FILE = "view.npz", "files.json"
CAMERA = "camera"  # name of the camera file beside them, without its ending
PICTURES = {"image.png": "image/png", "heatmap.png": "image/png", "map.tiff": "image/tiff"}
CLOUD = "cloud.bin"  # of the page's 3D view


class DamagedViewError(DataError):
    """What the pictures of a scan are drawn from is damaged."""


@dataclass(frozen=True)
class KeptView:
    """What the pictures of one scan are drawn from.

    Attributes:
        rgb: (224, 224, 3) uint8, as the network saw it.
        anomaly: (224, 224) float32.
        foreground: (224, 224) bool.
        points: (N, 3) float32 of the foreground's pixels, row by row: metres, camera frame.
    """

    rgb: NDArray[np.uint8]
    anomaly: NDArray[np.float32]
    foreground: NDArray[np.bool_]
    points: NDArray[np.float32]
    threshold: float


def save_view(folder: Path, found: Inspection) -> None:
    """Write all that pictures need; the pictures themselves are drawn when they are asked for."""
    np.savez(
        folder / VIEW_FILE,
        rgb=restore_rgb(found.scan.rgb),
        anomaly=found.anomaly_map,
        foreground=found.foreground,
        points=found.scan.points[found.foreground],
        threshold=np.float64(found.threshold),
    )


def load_view(folder: Path) -> KeptView:
    """What `save_view` has written.

    Raises:
        FileNotFoundError: the scan could not be inspected, or is gone.
        DamagedViewError: the file is damaged. The result itself is not concerned.
    """
    path = folder / VIEW_FILE
    try:
        # a file of ours, as numpy leaves its own open where it is damaged
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            rest = {name: arrays[name] for name in ("rgb", "anomaly", "foreground", "points")}
            view = KeptView(**rest, threshold=float(arrays["threshold"]))
        _check(view)
    except FileNotFoundError:
        raise
    except OSError as error:
        if is_the_machines(error):
            raise
        raise DamagedViewError(_damaged(error)) from None
    except (
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        BadZipFile,
        zlib.error,
        MemoryError,
    ) as error:
        raise DamagedViewError(_damaged(error)) from None
    return view


def _check(view: KeptView) -> None:
    """Raises ValueError where the arrays are none that `save_view` writes."""
    square = (SIZE, SIZE)
    found = [(a.shape, a.dtype.name) for a in (view.rgb, view.anomaly, view.foreground)]
    if found != [((*square, 3), "uint8"), (square, "float32"), (square, "bool")]:
        raise ValueError(f"its pictures are {found}")
    points = (view.points.shape, view.points.dtype.name)
    if points != ((int(view.foreground.sum()), 3), "float32"):
        raise ValueError(f"its points are {points}")
    numbers = view.anomaly, view.points, np.float64(view.threshold)
    if not all(np.isfinite(one).all() for one in numbers):
        raise ValueError("it holds numbers that are not finite")


def _damaged(error: Exception) -> str:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return f"{VIEW_FILE} of the scan is damaged ({reason}); its result is not concerned"


def picture(folder: Path, name: str) -> bytes:
    """The bytes of one of `PICTURES`, or of `CLOUD`; the heatmap is drawn once.

    Raises:
        FileNotFoundError, DamagedViewError: see `load_view`.
    """
    if name == "heatmap.png":
        path = folder / name
        if not path.is_file():
            view = load_view(folder)
            seen = draw_heatmap(view.rgb, view.anomaly, view.foreground, view.threshold)
            with replaced_whole(path) as part:
                Image.fromarray(seen).save(part, format="PNG", compress_level=1)
        return path.read_bytes()
    view, out = load_view(folder), io.BytesIO()
    if name == "image.png":
        Image.fromarray(view.rgb).save(out, format="PNG", compress_level=1)
    elif name == "map.tiff":
        tifffile.imwrite(out, view.anomaly, photometric="minisblack", metadata=None, software=False)
    else:
        return _cloud(view)
    return out.getvalue()


def _cloud(view: KeptView) -> bytes:
    """Every point as 4 float32, little-endian: x, y, z in metres and score over threshold."""
    score = view.anomaly[view.foreground] / (view.threshold if view.threshold > 0 else 1.0)
    return np.column_stack([view.points, score]).astype("<f4").tobytes()


@dataclass(frozen=True)
class KeptFiles:
    """The names of a scan's own files in its folder."""

    rgb: str
    points: str


def keep_files(folder: Path, rgb: Path, points: Path, camera: Path | None) -> None:
    """Copy a scan's files into its folder, unless they are there, and note their names."""
    if camera is not None:
        shutil.copyfile(camera, folder / f"{CAMERA}{camera.suffix.lower()}")
    names = [_own_name(role, path) for role, path in (("rgb", rgb), ("geometry", points))]
    if rgb == points:
        names[0] = names[1]
    for path, name in zip((rgb, points), names, strict=True):
        if path.parent != folder and not (folder / name).exists():
            shutil.copyfile(path, folder / name)
    (folder / FILES_FILE).write_text(dump_json(names), encoding="utf-8")


def kept_files(folder: Path) -> KeptFiles | None:
    """The names of a scan's files; None where they are not kept."""
    try:
        rgb, points = read_json(folder / FILES_FILE)
    except (OSError, ValueError, TypeError):
        return None
    names = str(rgb), str(points)
    return KeptFiles(*names) if all(Path(name).name == name for name in names) else None


def _own_name(role: str, path: Path) -> str:
    return f"{role}{path.suffix.lower()}"


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.iterdir())
