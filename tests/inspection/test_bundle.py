"""A bundle: the same bytes every time, whole or refused in one sentence, at home anywhere."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mentor3ad.inspection.bundle import BUNDLE_FILE, read_manifest, sealed_text
from mentor3ad.inspection.export import write_bundle
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.plumbing.errors import BundleError, CacheError, Mentor3ADError, WeightsError
from testbed.clone import CATEGORY, digest
from tests.bundles import content_of
from tests.tiny_project import write_params


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def edit(folder: Path, **values: Any) -> None:
    """Change bundle.json as whoever makes its own hash anew can; the other hashes stay."""
    (folder / BUNDLE_FILE).write_text(sealed_text(content_of(folder) | values))


def assert_refused(folder: Path, *words: str, kind: type[Mentor3ADError] = BundleError) -> None:
    with pytest.raises(kind) as caught:
        Inspector.load(folder, CATEGORY, "cpu")
    message = str(caught.value)
    assert [word for word in (folder.name, *words) if word not in message] == []
    assert "\n" not in message


def test_it_holds_what_prediction_needs_and_no_more(bundle: Path) -> None:
    names = ["bundle.json", "fusion.safetensors", "guidance.safetensors"]
    names += ["likeness.json", "tested.json", "voting.json"]
    assert sorted(path.name for path in bundle.iterdir()) == names
    assert sum(path.stat().st_size for path in bundle.iterdir()) < 10e6


def test_the_same_project_gives_the_same_bytes(project: Path, bundle: Path, tmp_path: Path) -> None:
    write_bundle(project, CATEGORY, tmp_path / "again")
    assert digest(tmp_path / "again") == digest(bundle)


def test_it_replaces_a_bundle_and_nothing_else(project: Path, copy: Path) -> None:
    expected = digest(copy)
    edit(copy, category="screw")
    write_bundle(project, CATEGORY, copy)
    assert digest(copy) == expected
    (copy / BUNDLE_FILE).unlink()
    with pytest.raises(BundleError, match="holds something else than a bundle"):
        write_bundle(project, CATEGORY, copy)


def test_with_backbones_it_needs_no_weights_from_elsewhere(
    project: Path, tmp_path: Path, inspector: Inspector, test_scans: Path
) -> None:
    """Of "pretrained" weights that this machine does not have, say."""
    whole = tmp_path / "whole"
    write_bundle(project, CATEGORY, whole, with_backbones=True)
    settings = json.loads((whole / BUNDLE_FILE).read_text())["settings"]
    for name in ("rgb", "points"):
        settings["features"][name]["weights"] = str(tmp_path / "gone.safetensors")
    edit(whole, settings=settings)
    scan = find_scans(test_scans, inspector.model).scans[0]
    expected = inspector.inspect_scan(scan)
    found = Inspector.load(whole, device="cpu").inspect_scan(scan)
    assert found.anomaly_map.tobytes() == expected.anomaly_map.tobytes()


def test_without_backbones_it_says_what_is_missing(copy: Path) -> None:
    settings = json.loads((copy / BUNDLE_FILE).read_text())["settings"]
    settings["features"]["points"]["weights"] = "gone.safetensors"
    edit(copy, settings=settings)
    words = "gone.safetensors", "--with-backbones"
    assert_refused(copy, *words, kind=WeightsError)


def test_other_backbones_are_refused(copy: Path) -> None:
    backbones = json.loads((copy / BUNDLE_FILE).read_text())["backbones"]
    edit(copy, backbones=backbones | {"points": "0" * 64})
    assert_refused(copy, "other points weights", "0" * 64, kind=WeightsError)


def test_no_flipped_bit_of_bundle_json_goes_unnoticed(bundle: Path, tmp_path: Path) -> None:
    """A setting that differs by a bit is another model: one bit of every third byte is tried."""
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    path, whole = copy / BUNDLE_FILE, (bundle / BUNDLE_FILE).read_bytes()
    assert read_manifest(copy)
    for position in range(0, len(whole), 3):
        content = bytearray(whole)
        content[position] ^= 1 << position % 7
        path.write_bytes(content)
        with pytest.raises(BundleError):
            read_manifest(copy)
    path.write_bytes(whole[:-1])
    with pytest.raises(BundleError, match="is damaged"):
        read_manifest(copy)


def test_a_bundle_that_the_machine_does_not_let_us_read_is_not_called_damaged(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system_open = os.open

    def refused(path: Any, *rest: Any, **options: Any) -> int:
        if os.fspath(path) == str(copy / BUNDLE_FILE):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return system_open(path, *rest, **options)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PermissionError):
        read_manifest(copy)


def test_a_flip_to_an_older_schema_does_not_take_the_hash_away(copy: Path) -> None:
    text = (copy / BUNDLE_FILE).read_text()
    (copy / BUNDLE_FILE).write_text(text.replace('"schema_version": 4', '"schema_version": 2'))
    assert_refused(copy, "bundle.json is damaged")
    without = json.dumps(content_of(copy) | {"schema_version": 3})
    (copy / BUNDLE_FILE).write_text(without)
    assert_refused(copy, "bundle.json is damaged")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "foreign": (lambda f: (f / BUNDLE_FILE).unlink(), "is no bundle"),
    "not JSON": (lambda f: (f / BUNDLE_FILE).write_text("{"), "is damaged"),
    "a list": (lambda f: (f / BUNDLE_FILE).write_text("[]"), "is damaged"),
    "newer": (lambda f: edit(f, schema_version=5, new_key=1), "newer release (schema 5"),
    "older": (lambda f: edit(f, schema_version=0), "schema_version"),
    "a section that is none": (
        lambda f: edit(f, settings={"features": {"points": None}}),
        "is damaged",
    ),
    "unknown key": (lambda f: edit(f, more=1), "more: "),
    "a file gone": (lambda f: (f / "voting.json").unlink(), "voting.json is missing"),
    "a file not listed": (lambda f: edit(f, files={}), "does not list fusion.safetensors"),
    "a path": (lambda f: edit(f, files={"../x": "0" * 64}), "is damaged"),
    "another category": (lambda f: edit(f, category="screw"), f"inspects screw, not {CATEGORY}"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_no_whole_bundle_is_refused(copy: Path, name: str) -> None:
    damage, said = DAMAGES[name]
    damage(copy)
    assert_refused(copy, said)


@pytest.mark.parametrize("name", ["fusion.safetensors", "likeness.json", "voting.json"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_flipped_bit_is_refused(copy: Path, name: str, place: int) -> None:
    content = bytearray((copy / name).read_bytes())
    content[place] ^= 1
    (copy / name).write_bytes(content)
    assert_refused(copy, f"{name} is damaged")


def test_an_excess_file_is_not_looked_at(copy: Path) -> None:
    (copy / "notes.pkl").write_bytes(b"\x80\x04")
    assert read_manifest(copy).category == CATEGORY


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"features.seed": 1}, "features"),
        ({"data.foreground.min_points": 65}, "prepared"),
        ({"model.precision": "float32"}, "scores"),
        ({"voting.target_fpr": 0.1}, "votes"),
    ],
)
def test_params_that_changed_since_the_run_are_refused(
    project: Path, tmp_path: Path, values: dict[str, Any], said: str
) -> None:
    """A bundle of a half-made run would predict what nobody has evaluated."""
    (tmp_path / "data").symlink_to(project / "data")
    write_params(tmp_path, values)
    with pytest.raises(CacheError, match=f"{said}.*run `dvc repro`"):
        write_bundle(tmp_path, CATEGORY, tmp_path / "out")
    assert not (tmp_path / "out").exists()
