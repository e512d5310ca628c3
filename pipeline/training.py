"""Training of MFM and MGM from features in memory: random foreground pixels, Adam, cosine decay."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.config import Model, Whitening
from pipeline.device import autocast
from pipeline.errors import TrainingError
from pipeline.fusion import Fusion, fusion_loss
from pipeline.guidance import Guidance, guidance_loss
from pipeline.pixels import PixelFeatures
from pipeline.sampling import Batch, generator, patch_pixels, random_pixels

SPACE_PIXELS = 8192  # pixels that the feature space is fitted to
CHECK_EVERY = 20  # steps between looks at the loss, each of which waits for the device
WARM_UP = 0.05  # share of the steps in which the learning rate rises

M = TypeVar("M", bound=nn.Module)
Bar = Callable[[Iterable[Batch]], Iterator[Batch]]


@dataclass(frozen=True)
class Trained(Generic[M]):
    """A module in eval mode and the loss of every step, measured before it."""

    module: M
    losses: list[float]


def train_fusion(features: PixelFeatures, model: Model, category: str, bar: Bar) -> Trained[Fusion]:
    """Train MFM (section III-C) on some scans' features.

    Raises:
        TrainingError: the loss is not finite.
    """
    mfm = model.mfm
    torch.manual_seed(model.seed)
    fusion = Fusion(mfm.dim, mfm.hidden, model.whitening.components).to(features.device)
    rng = generator(model.seed, "mfm", category)
    _fit_space(fusion, features, model.whitening, rng)
    features = features.project(fusion.space)
    batches = patch_pixels(features.foreground, mfm.scans, mfm.pixels, mfm.steps, rng)

    def loss(rgb: Tensor, xyz: Tensor) -> Tensor:
        return fusion_loss(fusion, rgb, xyz, mfm.temperature, mfm.outer_loss)

    return Trained(fusion, _train(fusion, loss, features, bar(batches), model, mfm.steps))


def train_guidance(
    features: PixelFeatures, fusion: Fusion, model: Model, category: str, bar: Bar
) -> Trained[Guidance]:
    """Train MGM (section III-D) with the frozen MFM's mentor feature.

    Raises:
        TrainingError: the loss is not finite.
    """
    mgm = model.mgm
    torch.manual_seed(model.seed)
    guidance = Guidance(fusion.dim, mgm.hidden, mgm.use_mentor, fusion.space.components)
    guidance.to(features.device)
    features = features.project(fusion.space)
    rng = generator(model.seed, "mgm", category)
    batches = random_pixels(features.foreground, mgm.scans, mgm.pixels, mgm.steps, rng)

    def loss(rgb: Tensor, xyz: Tensor) -> Tensor:
        with torch.no_grad():
            mentor = fusion(rgb, xyz)
        return guidance_loss(guidance, rgb, xyz, mentor)

    return Trained(guidance, _train(guidance, loss, features, bar(batches), model, mgm.steps))


def _fit_space(
    fusion: Fusion, features: PixelFeatures, whitening: Whitening, rng: np.random.Generator
) -> None:
    """Fit the feature space to random foreground pixels of all training scans."""
    pixels = max(1, SPACE_PIXELS // len(features))
    (batch,) = random_pixels(features.foreground, len(features), pixels, 1, rng)
    fusion.space.fit(*_gather(features, batch), whitening.power, whitening.constant)


def _gather(features: PixelFeatures, batch: Batch) -> tuple[Tensor, Tensor]:
    scan, pixel = torch.from_numpy(batch.scan), torch.from_numpy(batch.pixel)
    return features.gather(scan.to(features.device), pixel.to(features.device))


def _train(
    module: nn.Module,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    features: PixelFeatures,
    batches: Iterable[Batch],
    model: Model,
    steps: int,
) -> list[float]:
    optimiser = torch.optim.Adam(module.parameters(), lr=model.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    history: list[float] = []
    pending: list[Tensor] = []
    for batch in batches:
        rgb, xyz = _gather(features, batch)
        with autocast(features.device, model.precision):
            loss = loss_of(rgb, xyz)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        pending.append(loss.detach())
        if len(pending) == CHECK_EVERY or len(history) + len(pending) == steps:
            history += _checked(pending, len(history), model.lr)
            pending = []
    module.eval().requires_grad_(False)
    return history


def _rate(step: int, steps: int) -> float:
    """Share of the learning rate at a step: a short rise, then half a cosine to zero."""
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2


def _checked(losses: list[Tensor], before: int, lr: float) -> list[float]:
    values = torch.stack(losses).tolist()
    for step, value in enumerate(values, start=before):
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {step}; lower model.lr (now {lr}) or check the "
                "features"
            )
    return values
