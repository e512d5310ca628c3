"""Training of MFM and MGM from features in memory: random foreground pixels, Adam."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.config import Model, Whitening
from pipeline.device import autocast
from pipeline.errors import TrainingError
from pipeline.feed import Sample, as_it_is, samples
from pipeline.fusion import Fusion, fusion_loss
from pipeline.guidance import Guidance, guidance_loss
from pipeline.pixels import PixelFeatures
from pipeline.sampling import Batch, generator, patch_pixels, random_pixels
from pipeline.schedule import Cosine, Plateau
from pipeline.whitening import FeatureSpace

SPACE_PIXELS = 8192  # pixels that the feature space is fitted to
CHECK_EVERY = 20  # steps between looks at the loss, each of which waits for the device
HELD_OUT_BATCHES = 4  # of held-out pixels, the same at every measurement

M = TypeVar("M", bound=nn.Module)
Batches = Iterable[Batch]
Bar = Callable[[Iterable[Batch]], Iterator[Batch]]


@dataclass(frozen=True)
class Trained(Generic[M]):
    """A module in eval mode and the loss of every step, measured before it."""

    module: M
    losses: list[float]
    held_out: dict[int, float] = field(default_factory=dict)  # mean loss after so many steps

    def figures(self) -> dict[str, int | float]:
        """What a stage logs of a training."""
        figures: dict[str, int | float] = {"steps": len(self.losses), "loss": self.losses[-1]}
        return figures | ({"held_out_loss": min(self.held_out.values())} if self.held_out else {})


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
    fusion = Fusion(mfm.dim, mfm.hidden, model.whitening.components).to(features.device)
    rng = generator(model.seed, "mfm", category)
    _fit_space(fusion, features, model.whitening, rng)
    features = features.project(fusion.space)

    def loss(rgb: Tensor, xyz: Tensor) -> Tensor:
        return fusion_loss(fusion, rgb, xyz, mfm.temperature, mfm.outer_loss)

    def draw(foreground: list[np.ndarray], steps: int, rng: np.random.Generator) -> Batches:
        return patch_pixels(foreground, mfm.scans, mfm.pixels, steps, rng)

    batches = bar(draw(features.foreground, mfm.steps, rng))
    fixed = generator(model.seed, "mfm held out", category)
    measured = _measured(held_out, fusion.space, draw, fixed)
    with closing(samples(features, batches)) as feed:
        return _train(fusion, loss, feed, measured, model, mfm.steps)


def train_guidance(
    features: PixelFeatures,
    fusion: Fusion,
    model: Model,
    category: str,
    bar: Bar,
    held_out: PixelFeatures | None = None,
) -> Trained[Guidance]:
    """Train MGM (section III-D) with the frozen MFM's mentor feature.

    Args:
        held_out: as in `train_fusion`.

    Raises:
        TrainingError: the loss is not finite.
    """
    mgm = model.mgm
    torch.manual_seed(model.seed)
    guidance = Guidance(fusion.dim, mgm.hidden, mgm.use_mentor, fusion.space.components)
    guidance.to(features.device)
    features = features.project(fusion.space)
    rng = generator(model.seed, "mgm", category)

    @torch.no_grad()
    def with_mentor(rgb: Tensor, xyz: Tensor) -> Sample:
        with autocast(features.device, model.precision):
            return rgb, xyz, fusion(rgb, xyz)

    def loss(rgb: Tensor, xyz: Tensor, mentor: Tensor) -> Tensor:
        return guidance_loss(guidance, rgb, xyz, mentor)

    def draw(foreground: list[np.ndarray], steps: int, rng: np.random.Generator) -> Batches:
        return random_pixels(foreground, mgm.scans, mgm.pixels, steps, rng)

    batches = bar(draw(features.foreground, mgm.steps, rng))
    fixed = generator(model.seed, "mgm held out", category)
    measured = _measured(held_out, fusion.space, draw, fixed, with_mentor)
    with closing(samples(features, batches, with_mentor)) as feed:
        return _train(guidance, loss, feed, measured, model, mgm.steps)


def _measured(
    held_out: PixelFeatures | None,
    space: FeatureSpace,
    draw: Callable[[list[np.ndarray], int, np.random.Generator], Batches],
    rng: np.random.Generator,
    extend: Callable[..., Sample] = as_it_is,
) -> list[Sample]:
    """The held-out pixels that every measurement sees; none without held-out scans."""
    if held_out is None:
        return []
    held_out = held_out.project(space)
    return list(samples(held_out, draw(held_out.foreground, HELD_OUT_BATCHES, rng), extend))


def _fit_space(
    fusion: Fusion, features: PixelFeatures, whitening: Whitening, rng: np.random.Generator
) -> None:
    """Fit the feature space to random foreground pixels of all training scans."""
    pixels = max(1, SPACE_PIXELS // len(features))
    (batch,) = random_pixels(features.foreground, len(features), pixels, 1, rng)
    ((rgb, xyz),) = samples(features, [batch])
    fusion.space.fit(rgb, xyz, whitening.power, whitening.constant)


def _train(
    module: M,
    loss_of: Callable[..., Tensor],
    feed: Iterable[Sample],
    held_out: list[Sample],
    model: Model,
    steps: int,
) -> Trained[M]:
    every = model.early_stop.every if held_out else None
    schedule = Plateau(steps, model.early_stop) if every else Cosine(steps)
    optimiser = torch.optim.Adam(module.parameters(), lr=model.lr, fused=True)
    history: list[float] = []
    pending: list[Tensor] = []
    trained = Trained(module, history)
    for step, sample in enumerate(feed, start=1):
        with autocast(sample[0].device, model.precision):
            loss = loss_of(*sample)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.param_groups[0]["lr"] = model.lr * schedule.rate(step - 1)
        optimiser.step()
        pending.append(loss.detach())
        last = step == schedule.end
        if len(pending) == CHECK_EVERY or last:
            history += _checked(pending, len(history), model.lr)
            pending = []
        if isinstance(schedule, Plateau) and every and (last or step % every == 0):
            trained.held_out[step] = _mean_loss(loss_of, held_out, model.precision)
            if schedule.measured(step, trained.held_out[step]):
                best = {name: value.clone() for name, value in module.state_dict().items()}
        if last:
            break
    if trained.held_out:
        module.load_state_dict(best)
    module.eval().requires_grad_(False)
    return trained


@torch.no_grad()
def _mean_loss(loss_of: Callable[..., Tensor], samples: list[Sample], precision: str) -> float:
    with autocast(samples[0][0].device, precision):
        return torch.stack([loss_of(*sample) for sample in samples]).mean().item()


def _checked(losses: list[Tensor], before: int, lr: float) -> list[float]:
    values = torch.stack(losses).tolist()
    for step, value in enumerate(values, start=before):
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {step}; lower model.lr (now {lr}) or check the "
                "features"
            )
    return values
