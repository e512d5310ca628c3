"""Adam on the CPU, by torch's fused operation and without what `torch.optim` puts around it.

The first optimiser of a process imports torch's compiler, which takes a second or more and is not
used, and each step of one takes some hundred microseconds of Python, a tenth of a step here.
Source: Kingma and Ba, Adam (ICLR 2015), with torch's defaults; the same bits as torch's own.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

BETAS = 0.9, 0.999
EPS = 1e-8


class Adam:
    """Takes steps of parameters on the CPU, which have their gradients in `.grad`."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._parameters = list(parameters)
        self._first = [torch.zeros_like(one) for one in self._parameters]
        self._second = [torch.zeros_like(one) for one in self._parameters]
        self._taken = [torch.zeros(()) for _ in self._parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Take a step at a learning rate, and drop the gradients; a parameter without one stays."""
        with_gradient = [i for i, one in enumerate(self._parameters) if one.grad is not None]

        def of(values: list[Tensor]) -> list[Tensor]:
            return [values[i] for i in with_gradient]

        steps = of(self._taken)
        for one in steps:
            one += 1
        torch._fused_adam_(
            of(self._parameters),
            [one.grad for one in self._parameters if one.grad is not None],
            of(self._first),
            of(self._second),
            [],  # of AMSGrad
            steps,
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=EPS,
            amsgrad=False,
            maximize=False,
        )
        for parameter in self._parameters:
            parameter.grad = None
