"""Weights: the published checkpoint's layout, strict loading, and seeded random weights.

Stops: the reference's silent loading, which leaves random weights behind under a wrong prefix.
"""

import dataclasses
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from mentor3ad.backbones.point_mae import PointMAE
from mentor3ad.plumbing.errors import WeightsError
from mentor3ad.weights import sources
from mentor3ad.weights.load import load_point_backbone, load_rgb_backbone, state_sha256
from tests.golden_weights import fill
from tests.paths import ROOT

GOLDEN = ROOT / "tests/golden" / "03_point_mae"
LAYOUT = json.loads((GOLDEN / "checkpoint_layout.json").read_text())["keys"]
FILL_CHECK = json.loads((GOLDEN / "fill_check.json").read_text())
QKV = "module.MAE_encoder.blocks.blocks.4.attn.qkv.weight"


@pytest.mark.parametrize("name", sorted(FILL_CHECK))
def test_golden_weights_are_filled_bit_by_bit(name):
    """Every other golden vector of a network rests on this one."""
    expected = FILL_CHECK[name]
    tensor = fill(name, tuple(expected["shape"]))
    assert tensor.flatten()[:4].tolist() == expected["first4"]
    assert tensor.double().sum().item() == pytest.approx(expected["sum_f64"], abs=1e-9)
    assert tensor.double().abs().sum().item() == pytest.approx(expected["abs_sum_f64"], rel=1e-12)


def base_model() -> dict[str, Tensor]:
    """The checkpoint's 209 tensors, each of one value of its own: small files, no mix-ups."""
    return {
        e["key"]: torch.tensor(i, dtype=getattr(torch, e["dtype"])).expand(e["shape"])
        for i, e in enumerate(LAYOUT)
    }


@pytest.fixture
def save(tmp_path, monkeypatch):
    """Writes a checkpoint and lets it pass as the published file."""

    def write(base: dict[str, Tensor], **beside: object) -> str:
        path = tmp_path / "pretrain.pth"
        torch.save({"base_model": base, "epoch": 300} | beside, path)
        publish(monkeypatch, sha256(path))
        return str(path)

    return write


def publish(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    """Let a file of this sha256 pass as the published one."""
    monkeypatch.setattr(sources, "POINT_MAE", dataclasses.replace(sources.POINT_MAE, sha256=digest))


def sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("prefix", ["module.", ""])
def test_published_layout_loads_its_156_encoder_tensors(save, prefix):
    """Runs on one machine saved the prefix of DataParallel, distributed runs did not."""
    base = {k.replace("module.", prefix): v for k, v in base_model().items()}
    state = load_point_backbone(save(base), seed=0).state_dict()
    assert len(base) == 209
    expected = {e["consumer_name"]: i for i, e in enumerate(LAYOUT) if e["consumer_name"]}
    assert len(expected) == 156
    assert {name: tensor.unique().item() for name, tensor in state.items()} == expected


def test_random_tensors_of_the_published_shapes_arrive_unchanged(save):
    base = {e["key"]: fill(e["key"], tuple(e["shape"])) for e in LAYOUT}
    state = load_point_backbone(save(base), seed=0).state_dict()
    for entry in LAYOUT:
        if entry["consumer_name"]:
            assert torch.equal(state[entry["consumer_name"]], base[entry["key"]])


@pytest.mark.parametrize("module", ["numpy._core", "numpy.core"], ids=["numpy-2", "numpy-1"])
def test_published_metrics_may_hold_a_numpy_scalar(tmp_path, monkeypatch, module):
    """The pretraining code saves its accuracy, a numpy.float64, beside the weights."""
    path = tmp_path / "pretrain.pth"
    content = {"base_model": base_model(), "metrics": {"acc": np.float64(91.25)}}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    assert b"cnumpy._core." in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b"cnumpy._core.", f"c{module}.".encode()))
    publish(monkeypatch, sha256(path))
    assert isinstance(load_point_backbone(str(path), seed=0), PointMAE)


def test_a_missing_tensor_is_named(save):
    base = base_model()
    del base[QKV]
    wanted = r"155 of the 156 .*blocks\.blocks\.4\.attn\.qkv\.weight.* another model"
    with pytest.raises(WeightsError, match=wanted):
        load_point_backbone(save(base), seed=0)


def test_an_unknown_tensor_is_named(save):
    """DropPath has no tensors, but a qkv bias would be one: another encoder's."""
    base = base_model() | {QKV.replace("weight", "bias"): torch.zeros(1152)}
    with pytest.raises(WeightsError, match=r"1 unknown .*blocks\.4\.attn\.qkv\.bias"):
        load_point_backbone(save(base), seed=0)


def test_a_tensor_of_another_shape_is_named(save):
    base = base_model() | {QKV: torch.zeros(384, 384)}
    with pytest.raises(WeightsError, match=r"qkv\.weight has shape \(384, 384\), expected \(1152"):
        load_point_backbone(save(base), seed=0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_not_finite_is_named(save, value):
    """Every feature would be NaN, after hours perhaps."""
    base = base_model()
    base[QKV] = base[QKV].clone()
    base[QKV][500, 7] = value
    with pytest.raises(WeightsError, match=r"attn\.qkv\.weight holds numbers that are not finite"):
        load_point_backbone(save(base), seed=0)


def test_another_file_is_refused_before_it_is_opened(save, monkeypatch):
    """A pickle runs code when it is loaded, so the hash comes first."""
    path = save(base_model())
    publish(monkeypatch, "0" * 64)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("opened"))
    with pytest.raises(WeightsError, match=r"pretrain\.pth: sha256 is .* expected 0000"):
        load_point_backbone(path, seed=0)


@pytest.mark.parametrize("load", [load_point_backbone, load_rgb_backbone])
def test_a_path_that_leads_nowhere_is_named_with_its_param(load, tmp_path, small_vit):
    with pytest.raises(WeightsError, match=r"features\.\w+\.weights: no weights at .*gone\.safe"):
        load(str(tmp_path / "gone.safetensors"), seed=0)


@pytest.mark.parametrize("load", [load_point_backbone, load_rgb_backbone])
def test_other_pickles_are_refused_unopened(load, tmp_path, small_vit, monkeypatch):
    path = tmp_path / "weights.pt"
    torch.save({}, path)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("opened"))
    with pytest.raises(WeightsError, match=r"weights\.pt: weights are read from \.safetensors"):
        load(str(path), seed=0)


def test_a_cut_safetensors_file_is_a_sentence(tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_file(PointMAE().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_point_backbone(str(path), seed=0)


def test_frozen_and_in_eval_mode():
    model = load_point_backbone("random", seed=0)
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.fixture
def small_vit(monkeypatch):
    """load_rgb_backbone with one block instead of twelve."""
    monkeypatch.setattr(timm, "create_model", partial(timm.create_model, depth=1))


@pytest.mark.parametrize("load", [load_point_backbone, load_rgb_backbone])
def test_random_weights_are_their_seeds_alone(load, small_vit):
    torch.manual_seed(1)
    first = state_sha256(load("random", seed=3))
    torch.manual_seed(2)
    assert state_sha256(load("random", seed=3)) == first
    assert state_sha256(load("random", seed=4)) != first


def test_rgb_weights_come_back_from_safetensors(tmp_path, small_vit):
    path = tmp_path / "vit.safetensors"
    model = load_rgb_backbone("random", seed=5)
    save_file(model.state_dict(), path)
    assert state_sha256(load_rgb_backbone(str(path), seed=0)) == state_sha256(model)


def test_state_hash_sees_every_value_and_name():
    model = nn.Linear(3, 2)
    first = state_sha256(model)
    assert state_sha256(nn.Sequential(model)) != first
    with torch.no_grad():
        model.bias[1] += 1e-6
    assert state_sha256(model) != first
