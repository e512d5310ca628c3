"""A frozen linear layer, near the rate of the CPU's matrix products; on any device."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear:
    """A frozen linear layer in a dtype, with the exact GELU after it if asked for.

    On the CPU oneDNN wants its matrix in an order of its own; torch's linear brings it there at
    each call, here it is brought there once.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, gelu: bool = False
    ) -> None:
        weight = weight.detach().to(dtype)
        self.bias = None if bias is None else bias.detach().to(dtype)
        self.gelu = gelu
        self.dtype = dtype
        self.packed = (
            weight.device.type == "cpu"
            and torch.backends.mkldnn.is_available()
            and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        )
        self.weight = _packed(weight) if self.packed else weight

    @classmethod
    def of(cls, layer: nn.Linear, dtype: torch.dtype, gelu: bool = False) -> "Linear":
        return cls(layer.weight, layer.bias, dtype, gelu)

    def __call__(self, x: Tensor) -> Tensor:
        """(..., C_in) of any float dtype to (..., C_out) of the layer's."""
        x = x.to(self.dtype)
        if not self.packed:
            x = F.linear(x, self.weight, self.bias)
            return F.gelu(x) if self.gelu else x
        after, kind = ("gelu", "none") if self.gelu else ("none", "")  # none: erf, not tanh
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, after, [], kind)
        return y


def _packed(weight: Tensor) -> Tensor:
    with torch.inference_mode(False):
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight)
        return packed
