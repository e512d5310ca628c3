"""The training loop of both modules, from features in memory: Adam on random foreground pixels."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..compute.device import autocast
from ..features.pixels import PixelFeatures
from ..params.schema import Model
from ..plumbing.errors import TrainingError
from .feed import StepInputs, as_it_is, step_inputs
from .sampling import Batch
from .schedule import Cosine, Plateau
from .step import Term, taking_steps, total

CHECK_EVERY = 20  # steps between looks at the loss, each of which waits for the device
HELD_OUT_BATCHES = 4  # of held-out pixels, the same at every measurement

M = TypeVar("M", bound=nn.Module)
Bar = Callable[[Iterable[Batch]], Iterator[Batch]]


class Draw(Protocol):
    """Draws the pixels of each step from the foreground pixels of some scans."""

    def __call__(
        self, foreground: Sequence[np.ndarray], /, *, steps: int, rng: np.random.Generator
    ) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Trained(Generic[M]):
    """A trained module in eval mode, and the loss of each step, taken before its weights change."""

    module: M
    losses: list[float]
    held_out: dict[int, float] = field(default_factory=dict)  # mean loss after so many steps

    def figures(self) -> dict[str, int | float]:
        """The figures that a stage logs of a training."""
        figures: dict[str, int | float] = {"steps": len(self.losses), "loss": self.losses[-1]}
        return figures | ({"held_out_loss": min(self.held_out.values())} if self.held_out else {})


def train_module(
    module: M,
    terms: Sequence[Term],
    features: PixelFeatures,
    held_out: PixelFeatures | None,
    draw: Draw,
    steps: int,
    rng: np.random.Generator,
    held_out_rng: np.random.Generator,
    model: Model,
    bar: Bar,
    extend: Callable[..., StepInputs] = as_it_is,
) -> Trained[M]:
    """Train a module on random foreground pixels; it is left frozen, with its best weights.

    Args:
        terms: of the loss of one step's inputs, which is their sum.
        features: features of the training scans, in the module's feature space.
        held_out: features of good scans that tell when to stop (`model.early_stop`); None: all
            steps are taken.
        draw: draws the pixels of each step.
        steps: the most steps to take.
        rng: draws the steps' pixels; held_out_rng: draws those that every measurement sees.
        bar: wraps the steps' pixels, to show how many are done.
        extend: makes of F_RGB and F_XYZ of some pixels all that the loss sees of them.

    Raises:
        TrainingError: the loss is not finite.
    """
    measured: list[StepInputs] = []
    if held_out is not None:
        pixels = draw(held_out.foreground, steps=HELD_OUT_BATCHES, rng=held_out_rng)
        measured = list(step_inputs(held_out, pixels, extend))
    batches = bar(draw(features.foreground, steps=steps, rng=rng))
    with closing(step_inputs(features, batches, extend)) as feed:
        return _take_steps(module, terms, feed, measured, model, steps)


def _take_steps(
    module: M,
    terms: Sequence[Term],
    feed: Iterable[StepInputs],
    held_out: list[StepInputs],
    model: Model,
    steps: int,
) -> Trained[M]:
    every = model.early_stop.every if held_out else None
    schedule = Plateau(steps, model.early_stop) if every else Cosine(steps)
    history: list[float] = []
    pending: list[Tensor] = []
    trained = Trained(module, history)
    with taking_steps(module, terms, model.precision) as take_step:
        for step, inputs in enumerate(feed, start=1):
            loss = take_step(inputs, model.lr * schedule.rate(step - 1))
            pending.append(loss)  # looked at later: each look waits for the device
            last = step == schedule.end
            if len(pending) == CHECK_EVERY or last:
                history += _checked(pending, len(history), model.lr)
                pending = []
            if isinstance(schedule, Plateau) and every and (last or step % every == 0):
                trained.held_out[step] = mean_loss(total(terms), held_out, model.precision)
                if schedule.measured(step, trained.held_out[step]):
                    best = {name: value.clone() for name, value in module.state_dict().items()}
            if last:
                break
    if trained.held_out:
        module.load_state_dict(best)
    module.eval().requires_grad_(False)
    return trained


@torch.no_grad()
def mean_loss(loss_of: Callable[..., Tensor], batches: list[StepInputs], precision: str) -> float:
    """The mean loss over some batches of held-out pixels, each a step's inputs."""
    with autocast(batches[0][0].device, precision):
        return torch.stack([loss_of(*inputs) for inputs in batches]).mean().item()


def _checked(losses: list[Tensor], before: int, lr: float) -> list[float]:
    values = torch.stack(losses).tolist()
    for step, value in enumerate(values, start=before):
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {step}; lower model.lr (now {lr}) or check the "
                "features"
            )
    return values
