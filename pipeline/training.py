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
BLOCK_PIXELS = 8192  # pixels gathered at once: few calls, and still a small part of the memory
WARM_UP = 0.05  # share of the steps in which the learning rate rises

M = TypeVar("M", bound=nn.Module)
Sample = tuple[Tensor, ...]  # what a loss sees of the pixels of one step
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

    samples = _features(features, bar(batches), lambda *sample: sample)
    return Trained(fusion, _train(fusion, loss, samples, model, mfm.steps))


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

    @torch.no_grad()
    def with_mentor(rgb: Tensor, xyz: Tensor) -> Sample:
        with autocast(features.device, model.precision):
            return rgb, xyz, fusion(rgb, xyz)

    def loss(rgb: Tensor, xyz: Tensor, mentor: Tensor) -> Tensor:
        return guidance_loss(guidance, rgb, xyz, mentor)

    samples = _features(features, bar(batches), with_mentor)
    return Trained(guidance, _train(guidance, loss, samples, model, mgm.steps))


def _fit_space(
    fusion: Fusion, features: PixelFeatures, whitening: Whitening, rng: np.random.Generator
) -> None:
    """Fit the feature space to random foreground pixels of all training scans."""
    pixels = max(1, SPACE_PIXELS // len(features))
    (batch,) = random_pixels(features.foreground, len(features), pixels, 1, rng)
    ((rgb, xyz),) = _features(features, [batch], lambda *sample: sample)
    fusion.space.fit(rgb, xyz, whitening.power, whitening.constant)


def _features(
    features: PixelFeatures, batches: Iterable[Batch], extend: Callable[..., Sample]
) -> Iterator[Sample]:
    """What each step trains on, gathered for some steps at a time.

    Args:
        extend: from F_RGB (N, R) and F_XYZ (N, X) to all that the loss sees of these pixels.
    """
    for block in _blocks(batches):
        scan = torch.from_numpy(np.concatenate([batch.scan for batch in block]))
        pixel = torch.from_numpy(np.concatenate([batch.pixel for batch in block]))
        whole = extend(*features.gather(scan.to(features.device), pixel.to(features.device)))
        sizes = [len(batch.pixel) for batch in block]
        yield from zip(*(tensor.split(sizes) for tensor in whole), strict=True)


def _blocks(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Batches in lists of about BLOCK_PIXELS pixels."""
    block: list[Batch] = []
    pixels = 0
    for batch in batches:
        block.append(batch)
        pixels += len(batch.pixel)
        if pixels >= BLOCK_PIXELS:
            yield block
            block, pixels = [], 0
    if block:
        yield block


def _train(
    module: nn.Module,
    loss_of: Callable[..., Tensor],
    samples: Iterable[Sample],
    model: Model,
    steps: int,
) -> list[float]:
    optimiser = torch.optim.Adam(module.parameters(), lr=model.lr, fused=True)
    history: list[float] = []
    pending: list[Tensor] = []
    for step, sample in enumerate(samples):
        with autocast(sample[0].device, model.precision):
            loss = loss_of(*sample)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.param_groups[0]["lr"] = model.lr * _rate(step, steps)
        optimiser.step()
        pending.append(loss.detach())
        if len(pending) == CHECK_EVERY or step + 1 == steps:
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
