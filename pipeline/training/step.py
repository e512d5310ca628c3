"""One step of training: loss, gradient and Adam.

A step at these widths is some hundred small kernels. A GPU ends them sooner than the host queues
them: captured once, they are queued by one call. A CPU's threads wait for each other after each of
them, for long where other programs take cores away: small steps are computed by few threads, and
the parts of a module that do not depend on each other side by side.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..compute.device import autocast
from .adam import Adam
from .feed import StepInputs

LossOf = Callable[..., Tensor]
EAGER = 3  # steps of the same shapes before one is captured: libraries set themselves up in them
GRAIN = 5e8  # FLOPs of a step that another thread pays for, some milliseconds of a core


@dataclass(frozen=True)
class Term:
    """A summand of a loss, and the part of a module whose parameters it alone depends on."""

    part: nn.Module
    loss_of: LossOf


def total(terms: Sequence[Term]) -> LossOf:
    """The loss that is the sum of some terms."""

    def loss_of(*inputs: Tensor) -> Tensor:
        return sum_of([term.loss_of(*inputs) for term in terms])

    return loss_of


def sum_of(losses: Sequence[Tensor]) -> Tensor:
    """The sum in the order of the terms."""
    first, *rest = losses
    for loss in rest:
        first = first + loss
    return first


class Step:
    """Takes steps on the CPU."""

    def __init__(self, module: nn.Module, loss_of: LossOf, precision: str) -> None:
        self.loss_of, self.precision = loss_of, precision
        self._adam = Adam(module.parameters())

    def __call__(self, inputs: StepInputs, rate: float) -> Tensor:
        """Take a step at a learning rate; returns the loss, taken before the weights change."""
        with autocast(inputs[0].device, self.precision):
            loss = self.loss_of(*inputs)
        loss.backward()
        self._adam.step(rate)
        return loss.detach()


class CapturedStep:
    """Captures a step on CUDA once its inputs keep their shapes, and replays it from then on.

    Where they change from step to step, as MFM's do, every step is taken one kernel at a time.
    """

    def __init__(
        self, module: nn.Module, loss_of: LossOf, precision: str, device: torch.device
    ) -> None:
        self.loss_of, self.precision = loss_of, precision
        self._rate = torch.ones((), device=device)
        self._adam = torch.optim.Adam(
            module.parameters(), lr=self._rate, fused=True, capturable=True
        )
        self._stream = torch.cuda.Stream(device)
        self._shapes: list[torch.Size] = []
        self._seen = 0
        self._captured: tuple[torch.cuda.CUDAGraph, StepInputs, Tensor] | None = None

    def __call__(self, inputs: StepInputs, rate: float) -> Tensor:
        """Take a step at a learning rate; returns the loss, taken before the weights change."""
        self._rate.fill_(rate)
        shapes = [tensor.shape for tensor in inputs]
        if shapes != self._shapes:
            self._shapes, self._seen, self._captured = shapes, 0, None
        self._seen += 1
        if self._seen <= EAGER:
            return self._eager(inputs)
        graph, own, loss = self._captured = self._captured or self._capture(inputs)
        for tensor, value in zip(own, inputs, strict=True):
            tensor.copy_(value)
        graph.replay()
        return loss.clone()

    def _eager(self, inputs: StepInputs) -> Tensor:
        """Take a step on the stream that captures, to which autograd ties what it makes."""
        current = torch.cuda.current_stream(self._rate.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            loss = self._plain(inputs)
        current.wait_stream(self._stream)
        return loss

    def _capture(self, inputs: StepInputs) -> tuple[torch.cuda.CUDAGraph, StepInputs, Tensor]:
        own = tuple(tensor.clone() for tensor in inputs)
        self._adam.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            loss = self._plain(own)
        return graph, own, loss

    def _plain(self, inputs: StepInputs) -> Tensor:
        with autocast(inputs[0].device, self.precision):
            loss = self.loss_of(*inputs)
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        self._adam.step()
        return loss.detach()


class Steps:
    """Takes the steps of all terms of a loss on the CPU, each term's in a thread of its own.

    A step is the same whatever runs beside it: the terms share no parameter.
    """

    def __init__(
        self, terms: Sequence[Term], precision: str, pool: ThreadPoolExecutor | None
    ) -> None:
        """Make the optimisers; without a pool the terms are taken one after the other."""
        self._steps = [Step(term.part, term.loss_of, precision) for term in terms]
        self._weights = [_weights(term.part) for term in terms]
        self._pool = pool

    def __call__(self, inputs: StepInputs, rate: float) -> Tensor:
        """Take a step at a learning rate; returns the loss, taken before the weights change."""
        before = torch.get_num_threads()
        each = self.threads(len(inputs[0]), before)
        torch.set_num_threads(each)
        try:
            if self._pool is None:
                return sum_of([step(inputs, rate) for step in self._steps])
            take = partial(_take_alone, each, inputs, rate)
            return sum_of(list(self._pool.map(take, self._steps)))
        finally:
            torch.set_num_threads(before)

    def threads(self, rows: int, available: int) -> int:
        """Threads for each term on so many pixels, as its matrix products are worth them."""
        share = available if self._pool is None else available // len(self._steps)
        wanted = min(6 * rows * weights // int(GRAIN) for weights in self._weights)
        return max(1, min(share, wanted))


def _take_alone(threads: int, inputs: StepInputs, rate: float, step: Step) -> Tensor:
    torch.set_num_threads(threads)  # of this thread; a new one has those of the process
    return step(inputs, rate)


def _weights(part: nn.Module) -> int:
    """Numbers in the matrices of a part: a step multiplies each six times for a pixel."""
    return sum(value.numel() for value in part.parameters() if value.dim() > 1)


@contextmanager
def taking_steps(
    module: nn.Module, terms: Sequence[Term], precision: str
) -> Iterator[Callable[[StepInputs, float], Tensor]]:
    """Yield what takes the steps of a module, on the device of its parameters.

    Args:
        terms: of the loss; together their parts have all parameters that are trained.
    """
    device = next(module.parameters()).device
    if device.type == "cuda":
        yield CapturedStep(module, total(terms), precision, device)
    elif len(terms) == 1 or torch.get_num_threads() == 1:
        yield Steps(terms, precision, None)
    else:
        with ThreadPoolExecutor(len(terms), "term") as pool:
            yield Steps(terms, precision, pool)
