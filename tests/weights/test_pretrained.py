"""Pre-trained weights: found, fetched or imported, checked first, and never replaced by others."""

import dataclasses
import hashlib
import os
from functools import cache, partial
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mentor3ad.backbones.point_mae import PointMAE
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.errors import WeightsError
from mentor3ad.weights import checkpoints, sources
from mentor3ad.weights.checkpoints import read_safetensors
from mentor3ad.weights.load import load_point_backbone, load_rgb_backbone, state_sha256
from mentor3ad.weights.pretrained import (
    fetch_missing,
    import_weights,
    pretrained_dino,
    pretrained_point_mae,
)
from tests.file_server import FileServer


@pytest.fixture(autouse=True)
def _small_vit(monkeypatch: pytest.MonkeyPatch, weights_home: Path) -> None:
    """DINO with one block instead of twelve, and no weights of this machine's."""
    monkeypatch.setattr(timm, "create_model", partial(timm.create_model, depth=1))


@pytest.fixture
def hub(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """The hub, as far as one file goes."""
    template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    return server


@pytest.fixture
def dino(tmp_path: Path) -> Path:
    """A whole file of (the small) DINO."""
    path = tmp_path / "model.safetensors"
    save_file(load_rgb_backbone("random", seed=5).state_dict(), path)
    return path


@cache
def encoder() -> dict[str, Tensor]:
    """A whole encoder, each tensor of one value."""
    with torch.device("meta"):
        state = PointMAE().state_dict()
    return {
        name: torch.full(tensor.shape, i % 7, dtype=tensor.dtype)
        for i, (name, tensor) in enumerate(state.items())
    }


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pretrain.pth that passes as the published one."""
    path = tmp_path / "pretrain.pth"
    base = {f"module.MAE_encoder.{name}": tensor for name, tensor in encoder().items()}
    torch.save({"base_model": base | {"module.mask_token": torch.zeros(1)}}, path)
    publish(monkeypatch, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def publish(monkeypatch: pytest.MonkeyPatch, **fields: str) -> None:
    monkeypatch.setattr(sources, "POINT_MAE", dataclasses.replace(sources.POINT_MAE, **fields))


def flip(path: Path) -> None:
    """Damage the last byte of a file: a value, which its header cannot tell."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


# DINO


def test_dino_is_loaded_from_the_weights_folder(dino: Path) -> None:
    kept = import_weights(dino)
    assert kept == sources.DINO.kept
    expected = state_sha256(load_rgb_backbone(str(dino), seed=0))
    assert state_sha256(load_rgb_backbone("pretrained", seed=0)) == expected


def test_dino_comes_from_the_hub_once(hub: FileServer, dino: Path) -> None:
    hub.content = dino.read_bytes()
    expected = state_sha256(load_rgb_backbone(str(dino), seed=0))
    assert state_sha256(load_rgb_backbone("pretrained", seed=0)) == expected
    hub.status = 500
    assert state_sha256(load_rgb_backbone("pretrained", seed=0)) == expected
    assert len(hub.asked) == 1


def test_the_commit_that_was_taken_first_is_taken_ever_after(
    hub: FileServer,
    dino: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub.content = dino.read_bytes()
    pretrained_dino()
    pin = sources.DINO.kept.with_suffix(".commit")
    assert pin.read_text() == "c" * 40 + "\n"
    pretrained_dino()
    (warning,) = caplog.messages
    assert warning.startswith("timm/vit_base_patch8_224.dino: no commit was named")
    assert str(pin) in warning
    asked = []

    def download(repository: str, file: str, revision: str | None = None) -> str:
        asked.append(revision)
        raise OSError("offline")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(sources, "hub_file", lambda source: None)  # the cache was emptied
    with pytest.raises(WeightsError, match="offline"):
        pretrained_dino()
    assert asked == ["c" * 40]
    pin.write_text("main")
    with pytest.raises(WeightsError, match="holds no commit of timm/"):
        sources.pinned_commit(sources.DINO)


def test_a_damaged_file_of_the_hubs_cache_is_refused(hub: FileServer, dino: Path) -> None:
    hub.content = dino.read_bytes()
    flip(pretrained_dino().resolve())
    with pytest.raises(WeightsError, match=r"model\.safetensors: sha256 is .* damaged"):
        load_rgb_backbone("pretrained", seed=0)


def test_a_damaged_kept_file_is_refused_before_it_is_opened(
    dino: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(import_weights(dino))
    monkeypatch.setattr(checkpoints, "read_safetensors", lambda path: pytest.fail("opened"))
    with pytest.raises(WeightsError, match=r"dino\.safetensors: sha256 is .* damaged"):
        load_rgb_backbone("pretrained", seed=0)


def test_a_file_put_into_the_weights_folder_by_hand_is_used(dino: Path) -> None:
    sources.DINO.kept.parent.mkdir()
    dino.rename(sources.DINO.kept)
    assert isinstance(load_rgb_backbone("pretrained", seed=0), nn.Module)


def test_without_network_dino_is_never_random(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **options: object) -> None:
        raise RuntimeError("cannot find the file") from OSError("no route to host\nmore")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(WeightsError) as caught:
        load_rgb_backbone("pretrained", seed=0)
    said = str(caught.value)
    assert said.startswith("DINO ViT-B/8 cannot be had (no route to host): ")
    words = ("weights fetch", "weights import FILE", sources.DINO.url, str(sources.DINO.kept))
    assert [word for word in words if word not in said] == []


def test_our_name_of_the_hubs_file_is_timms() -> None:
    from mentor3ad.backbones.rgb import BACKBONE

    assert timm.get_pretrained_cfg(BACKBONE).hf_hub_id == sources.DINO_HUB


# Point-MAE


def test_the_encoder_is_fetched_and_converted_once(
    server: FileServer, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = published.read_bytes()
    publish(monkeypatch, url=server.url)
    first = pretrained_point_mae()
    kept, expected = load_file(first), encoder()
    assert kept.keys() == expected.keys()
    assert all(torch.equal(kept[name], tensor) for name, tensor in expected.items())
    assert pretrained_point_mae() == first
    assert server.asked == [""]


def test_a_published_file_put_into_the_folder_needs_no_network(
    published: Path, weights_home: Path
) -> None:
    weights_home.mkdir()
    published.rename(weights_home / "point_mae_pretrain.pth")
    model = load_point_backbone("pretrained", seed=0)
    assert torch.equal(next(iter(model.state_dict().values())), next(iter(encoder().values())))


def test_without_network_the_encoder_is_never_random(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 503
    publish(monkeypatch, url=server.url)
    with pytest.raises(WeightsError) as caught:
        load_point_backbone("pretrained", seed=0)
    said = str(caught.value)
    assert said.startswith(f"Point-MAE cannot be had ({server.url} could not be downloaded (HTTP")
    words = ("weights fetch", "weights import FILE", str(sources.POINT_MAE.kept))
    assert [word for word in words if word not in said] == []


def test_what_cannot_be_had_is_told_of_both_backbones(
    hub: FileServer, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.status = 404
    publish(monkeypatch, url=hub.url)
    content = params.features.model_dump()
    content["rgb"]["weights"] = content["points"]["weights"] = "pretrained"
    with pytest.raises(WeightsError, match=r"DINO .* cannot be had .*; Point-MAE cannot be had"):
        fetch_missing(type(params.features).model_validate(content))


# Import


def test_the_published_file_is_imported_as_its_encoder(published: Path) -> None:
    kept = import_weights(published)
    assert kept == sources.POINT_MAE.kept
    assert sorted(load_file(kept)) == sorted(encoder())
    assert sources.recorded_sha256(kept) == hashlib.sha256(kept.read_bytes()).hexdigest()


def test_the_same_file_gives_the_same_bytes(published: Path) -> None:
    first = import_weights(published).read_bytes()
    assert import_weights(published).read_bytes() == first


def test_an_encoder_is_known_by_its_tensors(tmp_path: Path) -> None:
    path = tmp_path / "any.safetensors"
    save_file(encoder(), path)
    assert import_weights(path) == sources.POINT_MAE.kept
    assert sources.POINT_MAE.kept.read_bytes() == path.read_bytes()


def test_a_kept_file_can_be_imported_again(dino: Path) -> None:
    kept = import_weights(dino)
    assert import_weights(kept) == kept
    assert kept.read_bytes() == dino.read_bytes()


def test_another_pickle_is_refused_unopened(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(published)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("opened"))
    with pytest.raises(WeightsError, match=r"pretrain\.pth: sha256 is"):
        import_weights(published)


def test_dino_is_not_read_from_a_pickle(published: Path) -> None:
    with pytest.raises(WeightsError, match=r"only Point-MAE's published \.pth .*huggingface\.co"):
        import_weights(published, "rgb")


@pytest.mark.parametrize(
    ("tensors", "backbone", "said"),
    [
        ({"layer.weight": 1}, None, r"such as layer\.weight\) are neither"),
        ({"layer.weight": 1}, "rgb", r"0 of the \d+ expected .*another model"),
        ({"patch_embed.proj.weight": 1}, None, r"1 of the \d+ expected .*another model"),
        ({"patch_embed.proj.weight": 1}, "points", r"0 of the 156 expected .*another model"),
    ],
)
def test_weights_of_another_model_are_not_kept(tmp_path, weights_home, tensors, backbone, said):
    path = tmp_path / "other.safetensors"
    save_file({name: torch.zeros(size) for name, size in tensors.items()}, path)
    with pytest.raises(WeightsError, match=rf"other\.safetensors: .*{said}"):
        import_weights(path, backbone)
    assert not weights_home.exists()


def test_a_cut_file_is_not_kept(dino: Path, weights_home: Path) -> None:
    dino.write_bytes(dino.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        import_weights(dino)
    assert not weights_home.exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.safetensors: there is no such file"):
        import_weights(tmp_path / "gone.safetensors")


@pytest.mark.timeout(20)
def test_a_fifo_is_no_weights_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="not a regular file"):
        read_safetensors(tmp_path / "w.safetensors")
