"""A frozen linear layer on any device, on the CPU near the rate of its matrix products."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear:
    """A frozen linear layer in a dtype, with the exact GELU after it if asked for.

    On the CPU oneDNN multiplies by matrices in an order of its own. `F.linear` brings its matrix
    into that order at each call; here it is packed once, and oneDNN adds the bias and takes the
    GELU while a part of the product is still in the cache. These operations are private to torch:
    where it has none, and on another device, the layer is `F.linear` and `F.gelu`.
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
        """Take the weights of a layer, which stays as it is."""
        return cls(layer.weight, layer.bias, dtype, gelu)

    def __call__(self, x: Tensor) -> Tensor:
        """Map x (..., C_in) of any float dtype to (..., C_out) of the layer's dtype."""
        x = x.to(self.dtype)
        if not self.packed:
            x = F.linear(x, self.weight, self.bias)
            return F.gelu(x) if self.gelu else x
        # Of a GELU "none" names its exact form, with erf, as opposed to "tanh".
        after, kind = ("gelu", "none") if self.gelu else ("none", "")
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, after, [], kind)
        return y


def _packed(weight: Tensor) -> Tensor:
    with torch.inference_mode(False):  # a later caller may be outside of it
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight)
        return packed
