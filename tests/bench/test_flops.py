"""The formulas against torch's own counter of the operations that the networks really do."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bench import flops, scenes
from bench.project import demo_settings, paper_settings, params_of
from mentor3ad.backbones.fast_point_mae import FastPointMAE
from mentor3ad.backbones.rgb import foreground_patch_features
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.fusion.network import Fusion, fusion_loss
from mentor3ad.guidance.network import Guidance, guidance_loss
from mentor3ad.params.schema import Model
from mentor3ad.scoring.scorer import Scorer


def packed_linear(inputs: torch.Size, *_: object, out_shape: torch.Size, **__: object) -> int:
    """Of oneDNN's linear layer with a packed matrix, which the counter does not know."""
    return 2 * inputs.numel() * out_shape[-1]


def counted(work: Callable[[], object]) -> int:
    """The counter knows attention by its two products, not as one kernel of the CPU's."""
    known = {torch.ops.mkldnn._linear_pointwise: packed_linear}
    counter = FlopCounterMode(display=False, custom_mapping=known)
    with counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return counter.get_total_flops()


@pytest.mark.parametrize("sample_stats", [False, True])
def test_point_encoder(backbones, sample_stats):
    """To 2 %: products of 3 x 3 matrices and the like are left out."""
    points, centres = torch.randn(48, 16, 3), torch.randn(48, 3)
    fast = FastPointMAE(backbones.points, torch.float32)
    with torch.inference_mode():
        found = counted(lambda: fast(points, centres, sample_stats))
    assert flops.point_encoder(48, 16, sample_stats) == pytest.approx(found, rel=0.02)


def test_vit_on_some_patches(backbones, monkeypatch):
    monkeypatch.setattr(flops, "VIT_DEPTH", 2)
    foreground = np.zeros((1, 224, 224), bool)
    foreground[0, 8:40, 16:48] = True  # 4 x 4 patches
    image = torch.zeros(1, 3, 224, 224)
    with torch.no_grad():
        found = counted(lambda: foreground_patch_features(backbones.rgb, image, foreground))
    assert flops.vit(16) == found


def small(model: Model, **mfm: object) -> Model:
    sizes = {"scans": 2, "pixels": 8}
    return model.model_copy(
        update={
            "mfm": model.mfm.model_copy(update=sizes | mfm),
            "mgm": model.mgm.model_copy(update=sizes),
        }
    )


@pytest.fixture(params=["demo", "paper", "literal", "cross-modal"])
def model(request) -> Model:
    text = paper_settings() if request.param == "paper" else demo_settings(10, True)
    made = small(params_of(text).model, outer_loss=request.param != "literal")
    mgm = made.mgm.model_copy(update={"use_mentor": request.param != "cross-modal"})
    return made.model_copy(update={"mgm": mgm})


def networks(model: Model) -> tuple[Fusion, Guidance]:
    components = model.whitening.components
    fusion = Fusion(model.mfm.dim, model.mfm.hidden, components)
    return fusion, Guidance(fusion.dim, model.mgm.hidden, model.mgm.use_mentor, components)


def inputs(fusion: Fusion) -> list[torch.Tensor]:
    return [torch.randn(16, channels) for channels in fusion.space.channels]


def test_a_step_of_mfm(model):
    fusion, _ = networks(model)
    rgb, xyz = inputs(fusion)
    mfm = model.mfm
    found = counted(
        lambda: fusion_loss(fusion, rgb, xyz, mfm.temperature, mfm.outer_loss).backward()
    )
    assert flops.fusion_step(model, 16) == found


def test_a_step_of_mgm(model):
    fusion, guidance = networks(model)
    rgb, xyz = inputs(fusion)

    def step() -> None:
        with torch.no_grad():
            mentor = fusion(rgb, xyz)
        guidance_loss(guidance, rgb, xyz, mentor).backward()

    assert flops.guidance_step(model) == counted(step)


def test_scoring(model, params):
    fusion, guidance = networks(model)
    scan = scenes.features(params.features, side=16)  # a whole number of the scorer's steps
    scorer = Scorer(fusion, guidance, "float32")
    found = counted(lambda: scorer.score_maps(PixelFeatures([scan], torch.device("cpu")), 0))
    assert flops.scoring(model, 256, params.features.points.groups) == found
