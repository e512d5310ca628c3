"""One step of training: loss, gradient and Adam; on CUDA replayed as a graph.

A step at these widths is some hundred small kernels, which a GPU ends sooner than the host queues
them. Captured once, the same kernels are queued by one call.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..compute.device import autocast
from .feed import StepInputs

LossOf = Callable[..., Tensor]
EAGER = 3  # steps of the same shapes before one is captured: libraries set themselves up in them


class Step:
    """Takes steps one kernel at a time, on any device."""

    def __init__(self, module: nn.Module, loss_of: LossOf, precision: str) -> None:
        self.loss_of, self.precision = loss_of, precision
        self.optimiser = self._adam(module)

    def _adam(self, module: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(module.parameters(), lr=1.0, fused=True)

    def __call__(self, inputs: StepInputs, rate: float) -> Tensor:
        """Take a step at a learning rate; returns the loss, taken before the weights change."""
        self._set_rate(rate)
        return self._take(inputs)

    def _set_rate(self, rate: float) -> None:
        self.optimiser.param_groups[0]["lr"] = rate

    def _take(self, inputs: StepInputs) -> Tensor:
        with autocast(inputs[0].device, self.precision):
            loss = self.loss_of(*inputs)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()


class CapturedStep(Step):
    """Captures a step on CUDA once its inputs keep their shapes, and replays it from then on.

    Where they change from step to step, as MFM's do, every step is taken one kernel at a time.
    """

    def __init__(
        self, module: nn.Module, loss_of: LossOf, precision: str, device: torch.device
    ) -> None:
        self._rate = torch.ones((), device=device)
        super().__init__(module, loss_of, precision)
        self._stream = torch.cuda.Stream(device)
        self._shapes: list[torch.Size] = []
        self._seen = 0
        self._captured: tuple[torch.cuda.CUDAGraph, StepInputs, Tensor] | None = None

    def _adam(self, module: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(module.parameters(), lr=self._rate, fused=True, capturable=True)

    def _set_rate(self, rate: float) -> None:
        self._rate.fill_(rate)

    def _take(self, inputs: StepInputs) -> Tensor:
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
            loss = super()._take(inputs)
        current.wait_stream(self._stream)
        return loss

    def _capture(self, inputs: StepInputs) -> tuple[torch.cuda.CUDAGraph, StepInputs, Tensor]:
        own = tuple(tensor.clone() for tensor in inputs)
        self.optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            loss = super()._take(own)
        return graph, own, loss


def step_of(module: nn.Module, loss_of: LossOf, precision: str) -> Step:
    """Return what takes the steps of a module, on the device of its parameters."""
    device = next(module.parameters()).device
    if device.type == "cuda":
        return CapturedStep(module, loss_of, precision, device)
    return Step(module, loss_of, precision)
