"""Training of MGM (section III-D) with the mentor feature of a frozen MFM."""

from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..compute.device import autocast
from ..features.pixels import PixelFeatures
from ..features.space import FeatureSpace
from ..mentor.losses import cosine_loss
from ..params.schema import Model
from ..training.feed import StepInputs, step_inputs
from ..training.loop import Bar, Trained, train_module
from ..training.sampling import Batch, generator, random_pixels
from ..training.step import Term
from .network import Guidance


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
    kept = model.memory.model_dump()
    guidance = Guidance(mentor.dim, mgm.hidden, mgm.use_mentor, space.components, space.raw, kept)
    guidance.to(features.device)
    seen = features.in_space(space)
    _remember(guidance, seen, model.memory.rows, generator(model.seed, "memory", category))

    @torch.no_grad()
    def with_mentor(rgb: Tensor, xyz: Tensor) -> StepInputs:
        with autocast(features.device, model.precision):
            return rgb, xyz, mentor(rgb, xyz)

    return train_module(
        guidance,
        guidance_terms(guidance),
        seen,
        held_out and held_out.in_space(mentor.space),
        partial(random_pixels, scans=mgm.scans, pixels=mgm.pixels),
        mgm.steps,
        generator(model.seed, "mgm", category),
        generator(model.seed, "mgm held out", category),
        model,
        bar,
        with_mentor,
    )


def guidance_terms(guidance: Guidance) -> tuple[Term, Term]:
    """`guidance_loss` by direction: they share no parameter."""

    def of_rgb(rgb: Tensor, xyz: Tensor, mentor: Tensor) -> Tensor:
        return cosine_loss(guidance.to_rgb(xyz, mentor), rgb)

    def of_xyz(rgb: Tensor, xyz: Tensor, mentor: Tensor) -> Tensor:
        return cosine_loss(guidance.to_xyz(rgb, mentor), xyz)

    return Term(guidance.to_rgb, of_rgb), Term(guidance.to_xyz, of_xyz)


def _remember(
    guidance: Guidance, features: PixelFeatures, rows: int, rng: np.random.Generator
) -> None:
    """Keep random foreground pixels of all training scans, as many of each."""
    if not guidance.kept:
        return
    pixels = -(-rows // len(features))
    (batch,) = random_pixels(features.foreground, len(features), pixels, 1, rng)
    chosen = np.sort(rng.permutation(len(batch.pixel))[:rows])
    ((rgb, xyz),) = step_inputs(features, [Batch(batch.scan[chosen], batch.pixel[chosen])])
    for name, memory in guidance.kept.items():
        memory.remember(rgb if name == "rgb" else xyz)
