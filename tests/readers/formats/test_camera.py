"""Camera files: exactly the keys of a pinhole camera, with values that one can have."""

import json
from pathlib import Path
from typing import Any

import pytest

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.calibration import load_calibration
from mentor3ad.readers.formats.camera import Camera

KEYS: dict[str, Any] = {"fx": 600.5, "fy": 601, "cx": 320, "cy": 240.25, "width": 640}
KEYS["height"] = 480
POSE = [[0, -1, 0, 5], [1, 0, 0, 6.5], [0, 0, 1, 7], [0, 0, 0, 1]]


def write(path: Path, **changes: Any) -> Path:
    keys = {key: value for key, value in (KEYS | changes).items() if value is not ...}
    path.write_text(json.dumps(keys, indent="\t" if path.suffix == ".json" else None), "utf-8")
    return path


@pytest.mark.parametrize("name", ["camera.json", "camera.yaml", "Kamera ä.YML"])
def test_camera_is_read(tmp_path: Path, name: str) -> None:
    camera = load_calibration(write(tmp_path / name, pose=POSE, depth_scale=0.5))
    pose = tuple(map(tuple, POSE))
    assert camera == Camera(600.5, 601, 320, 240.25, 640, 480, pose=pose, depth_scale=0.5)


def test_pose_and_depth_scale_may_be_absent(tmp_path: Path) -> None:
    camera = load_calibration(write(tmp_path / "camera.json"))
    assert (camera.pose, camera.depth_scale) == (None, None)


def test_yaml_in_blocks(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("".join(f"{k}: {v}\n" for k, v in KEYS.items()))
    assert load_calibration(tmp_path / "c.yaml") == Camera(**KEYS)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"serial": 7}, "serial: Unexpected keyword"),
        ({"fx": ...}, "fx: Field required"),
        ({"fx": 0}, "fx: Input should be greater than 0"),
        ({"fy": float("nan")}, "fy: Input should be"),
        ({"fy": "600"}, "fy: Input should be a valid number"),
        ({"width": 60000}, "width: Input should be less than or equal to 8192"),
        ({"height": 480.5}, "height: Input should be a valid integer"),
        ({"depth_scale": 0}, "depth_scale: Input should be greater than 0"),
        ({"pose": POSE[:3]}, "pose: .*four rows of four numbers"),
        ({"pose": [*POSE[:3], [0, 0, 1, 1]]}, "pose: .*the last row 0, 0, 0, 1"),
        ({"pose": [[2, 0, 0, 0], *POSE[1:]]}, "pose: .*must be rigid"),
        ({"pose": [[1e300, -1e300, 0, 0], *POSE[1:]]}, "pose: .*must be rigid"),
        ({"pose": [[0, 1, 0, 0], *POSE[1:]]}, "pose: .*must be rigid"),
    ],
)
def test_what_is_no_camera(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError, match=rf"c\.json is no camera: {why}"):
        load_calibration(write(tmp_path / "c.json", **changes))


@pytest.mark.parametrize("name", ["c.json", "c.yaml"])
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 5000])
def test_what_cannot_be_read(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} cannot be read"):
        load_calibration(tmp_path / name)


@pytest.mark.parametrize("content", [b"[1, 2]", b"7", b"null"])
def test_what_has_no_keys(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(DataError, match="holds no keys: write fx"):
        load_calibration(tmp_path / "c.json")


def test_aliases_that_nest_without_end(tmp_path: Path) -> None:
    levels = ["a0: &a0 [0, 0, 0, 0]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    (tmp_path / "c.yaml").write_text("\n".join([*levels, "pose: *a39"]))
    with pytest.raises(DataError, match=r"c\.yaml cannot be read \(it holds over 100000 values"):
        load_calibration(tmp_path / "c.yaml")


def test_unknown_key_stays_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is no camera: a b{78}: Unexpected"):
        load_calibration(write(tmp_path / "c.json", **{"a\n" + "b" * 999: 1}))


def test_huge_file(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(b" " * 70000)
    with pytest.raises(DataError, match="is over 65536 bytes"):
        load_calibration(tmp_path / "c.json")
