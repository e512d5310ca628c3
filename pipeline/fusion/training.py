"""Training of MFM (section III-C) on the features of good scans."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..features.pixels import PixelFeatures
from ..mentor.losses import Workspace
from ..params.schema import Model, Whitening
from ..training.feed import step_inputs
from ..training.loop import Bar, Trained, train_module
from ..training.sampling import generator, patch_pixels, random_pixels
from ..training.step import Term
from .network import Fusion, fusion_loss

SPACE_PIXELS = 8192  # pixels that the feature space is fitted to


def train_fusion(
    features: PixelFeatures,
    model: Model,
    category: str,
    bar: Bar,
    held_out: PixelFeatures | None = None,
) -> Trained[Fusion]:
    """Train MFM (section III-C) on some scans' features.

    Args:
        held_out: good scans that tell when to stop (`model.early_stop`); None: take all steps.

    Raises:
        TrainingError: the loss is not finite.
    """
    mfm = model.mfm
    torch.manual_seed(model.seed)
    space = model.whitening
    fusion = Fusion(mfm.dim, mfm.hidden, space.components, features.channels, space.standardise)
    fusion.to(features.device)
    rng = generator(model.seed, "mfm", category)
    _fit_space(fusion, features, model.whitening, rng)

    workspace = Workspace()

    def loss(rgb: Tensor, xyz: Tensor) -> Tensor:
        return fusion_loss(fusion, rgb, xyz, mfm.temperature, mfm.outer_loss, workspace)

    return train_module(
        fusion,
        [Term(fusion, loss)],
        features.in_space(fusion.space),
        held_out and held_out.in_space(fusion.space),
        partial(patch_pixels, scans=mfm.scans, pixels=mfm.pixels, side=features.cell_side),
        mfm.steps,
        rng,
        generator(model.seed, "mfm held out", category),
        model,
        bar,
    )


def _fit_space(
    fusion: Fusion, features: PixelFeatures, whitening: Whitening, rng: np.random.Generator
) -> None:
    """Fit the feature space to random foreground pixels of all training scans."""
    pixels = max(1, SPACE_PIXELS // len(features))
    (batch,) = random_pixels(features.foreground, len(features), pixels, 1, rng)
    ((rgb, xyz),) = step_inputs(features, [batch])
    fusion.space.fit(rgb, xyz, whitening.power, whitening.constant)
