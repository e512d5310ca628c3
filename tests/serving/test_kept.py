"""What is kept of a scan is drawn from, or refused in a sentence where it is damaged."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.serving.kept import VIEW_FILE, DamagedViewError, load_view, picture

SIDE = 224


def write(folder: Path, **changed: object) -> None:
    foreground = np.zeros((SIDE, SIDE), bool)
    foreground[50:60, 50:60] = True
    arrays = {
        "rgb": np.full((SIDE, SIDE, 3), 90, np.uint8),
        "anomaly": np.ones((SIDE, SIDE), np.float32),
        "foreground": foreground,
        "points": np.ones((100, 3), np.float32),
        "threshold": np.float64(2.0),
    }
    np.savez(folder / VIEW_FILE, **(arrays | changed))  # type: ignore[arg-type]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def flip(path: Path) -> None:
    """One bit of the anomaly map, whose checksum then is another."""
    content = bytearray(path.read_bytes())
    content[SIDE * SIDE * 3 + 5000] ^= 1
    path.write_bytes(content)


def lose(path: Path) -> None:
    with zipfile.ZipFile(path) as whole:
        kept = {name: whole.read(name) for name in whole.namelist() if name != "points.npy"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as part:
        for name, content in kept.items():
            part.writestr(name, content)
    path.write_bytes(out.getvalue())


def array_file() -> bytes:
    out = io.BytesIO()
    np.save(out, np.ones(3))
    return out.getvalue()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": cut,
    "flipped": flip,
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_bytes(b"x" * 100),
    "an array": lambda path: path.write_bytes(array_file()),
    "without points": lose,
    "fewer points": lambda path: write(path.parent, points=np.ones((3, 3), np.float32)),
    "another size": lambda path: write(path.parent, rgb=np.ones((9, 9, 3), np.uint8)),
    "not finite": lambda path: write(path.parent, threshold=np.float64("nan")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_view_is_a_sentence(tmp_path: Path, damage: str) -> None:
    write(tmp_path)
    DAMAGES[damage](tmp_path / VIEW_FILE)
    for name in ("image.png", "heatmap.png", "map.tiff", "cloud.bin"):
        with pytest.raises(DamagedViewError, match=r"view.npz of the scan is damaged \(.+\)"):
            picture(tmp_path, name)


def test_a_whole_view_is_drawn(tmp_path: Path) -> None:
    write(tmp_path)
    assert load_view(tmp_path).threshold == 2.0
    assert picture(tmp_path, "image.png").startswith(b"\x89PNG")
    assert len(picture(tmp_path, "cloud.bin")) == 100 * 16
