"""What params.yaml needs and what of it is here, by looking at files and opening none."""

import hashlib
from pathlib import Path

import pytest

from mentor3ad.params.schema import Features, Params
from mentor3ad.plumbing.errors import WeightsError
from mentor3ad.weights.sources import (
    DINO,
    POINT_MAE,
    check_recorded,
    check_stock,
    record_sha256,
    recorded_sha256,
    stock,
    weights_folder,
)


def features(params: Params, rgb: str, points: str) -> Features:
    content = params.features.model_dump()
    content["rgb"]["weights"], content["points"]["weights"] = rgb, points
    return Features.model_validate(content)


def keep(path: Path, content: bytes = b"weights") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("value", ["", None])
def test_the_folder_is_the_caches_unless_told(monkeypatch, value):
    monkeypatch.delenv("MENTOR3AD_WEIGHTS", raising=False)
    if value is not None:
        monkeypatch.setenv("MENTOR3AD_WEIGHTS", value)
    assert weights_folder() == Path.home() / ".cache" / "mentor3ad"


def test_random_weights_need_nothing(params, weights_home):
    items = stock(features(params, "random", "random"))
    assert [(item.file, item.health) for item in items] == [(None, ""), (None, "")]
    check_stock(items)


def test_missing_weights_are_named_with_their_places(params, weights_home):
    items = stock(features(params, "pretrained", "pretrained"))
    assert [(item.file, item.health) for item in items] == [
        (DINO.kept, "missing"),
        (POINT_MAE.kept, "missing"),
    ]
    with pytest.raises(WeightsError) as caught:
        check_stock(items)
    words = (DINO.url, str(DINO.kept), POINT_MAE.url, str(POINT_MAE.kept), "weights fetch")
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_kept_file_has_a_size_and_the_recorded_hash(params, weights_home):
    record_sha256(keep(DINO.kept))
    item, _ = stock(features(params, "pretrained", "random"))
    assert (item.file, item.size, item.health) == (DINO.kept, 7, "ok")


def test_a_changed_file_is_damaged(params, weights_home):
    record_sha256(keep(DINO.kept))
    keep(DINO.kept, b"weighty")
    items = stock(features(params, "pretrained", "random"))
    assert items[0].health == "damaged"
    with pytest.raises(WeightsError, match=r"dino\.safetensors is damaged.* delete it"):
        check_stock(items)


def test_a_file_without_a_record_is_unknown_and_usable(params, weights_home):
    keep(DINO.kept)
    items = stock(features(params, "pretrained", "random"))
    assert items[0].health == "unknown"
    check_stock(items)
    check_recorded(DINO.kept)


def test_a_path_is_taken_as_it_is(params, tmp_path):
    path = str(keep(tmp_path / "vit.safetensors"))
    rgb, points = stock(features(params, path, str(tmp_path / "gone.safetensors")))
    assert (rgb.file, rgb.health) == (Path(path), "unknown")
    with pytest.raises(WeightsError, match=r"features\.points\.weights: no weights at .*gone"):
        check_stock([rgb, points])


def test_another_pth_than_the_published_one_is_damaged(params, tmp_path):
    path = keep(tmp_path / "pretrain.pth")
    _, points = stock(features(params, "random", str(path)))
    assert points.health == "damaged"


def test_the_record_is_sha256sums(tmp_path):
    path = keep(tmp_path / "file")
    record_sha256(path)
    digest = hashlib.sha256(b"weights").hexdigest()
    assert (tmp_path / "file.sha256").read_text() == f"{digest}  file\n"
    assert recorded_sha256(path) == digest


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_an_unreadable_record_is_none(tmp_path, content):
    path = keep(tmp_path / "file")
    (tmp_path / "file.sha256").write_bytes(content)
    assert recorded_sha256(path) is None


@pytest.mark.parametrize(("length", "known"), [(64, True), (40, False)], ids=["sha256", "git"])
def test_the_hub_names_large_files_by_their_hash(tmp_path, length, known):
    blob = keep(tmp_path / "blobs" / ("a" * length))
    link = tmp_path / "model.safetensors"
    link.symlink_to(blob)
    assert recorded_sha256(link) == ("a" * length if known else None)
