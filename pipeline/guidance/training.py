"""Training of MGM (section III-D) with the mentor feature of a frozen MFM."""

from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ..compute.device import autocast
from ..features.pixels import PixelFeatures
from ..features.space import FeatureSpace
from ..params.schema import Model
from ..training.feed import StepInputs
from ..training.loop import Bar, Trained, train_module
from ..training.sampling import generator, random_pixels
from .network import Guidance, guidance_loss


class Mentor(Protocol):
    """What MGM needs of a frozen MFM: its width, its feature space and its feature F_Mtr."""

    dim: int
    space: FeatureSpace

    def __call__(self, rgb: Tensor, xyz: Tensor, /) -> Tensor:
        """F_Mtr (N, dim) of F_RGB (N, R) and F_XYZ (N, X)."""
        ...


def train_guidance(
    features: PixelFeatures,
    mentor: Mentor,
    model: Model,
    category: str,
    bar: Bar,
    held_out: PixelFeatures | None = None,
) -> Trained[Guidance]:
    """Train MGM (section III-D) with the frozen MFM's mentor feature.

    Args:
        mentor: the frozen MFM.
        held_out: good scans that tell when to stop (`model.early_stop`); None: take all steps.

    Raises:
        TrainingError: the loss is not finite.
    """
    mgm = model.mgm
    torch.manual_seed(model.seed)
    space = mentor.space
    guidance = Guidance(mentor.dim, mgm.hidden, mgm.use_mentor, space.components, space.raw)
    guidance.to(features.device)

    @torch.no_grad()
    def with_mentor(rgb: Tensor, xyz: Tensor) -> StepInputs:
        with autocast(features.device, model.precision):
            return rgb, xyz, mentor(rgb, xyz)

    def loss(rgb: Tensor, xyz: Tensor, f_mtr: Tensor) -> Tensor:
        return guidance_loss(guidance, rgb, xyz, f_mtr)

    return train_module(
        guidance,
        loss,
        features.in_space(mentor.space),
        held_out and held_out.in_space(mentor.space),
        partial(random_pixels, scans=mgm.scans, pixels=mgm.pixels),
        mgm.steps,
        generator(model.seed, "mgm", category),
        generator(model.seed, "mgm held out", category),
        model,
        bar,
        with_mentor,
    )
