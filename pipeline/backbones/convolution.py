"""Frozen convolutional networks, with BatchNorm in the weights and, on the CPU, packed once.

BatchNorm after a convolution is a change of its weights and bias. On the CPU oneDNN multiplies by
weights in an order of its own and clips or rectifies while a part of the result is in the cache;
these operations are private to torch, and where it has none, and on another device, a convolution
is `F.conv2d` and its activation a module.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

# What oneDNN does itself after a convolution: its name and numbers for each activation.
_AFTER: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.Identity: ("none", []),
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}
Pads = tuple[int, int, int, int]  # left, right, top, bottom


class FrozenConvolution(nn.Module):
    """A convolution of inputs of one size, BatchNorm and activation included.

    oneDNN pads both sides alike, and a copy of a padded input costs more than some convolutions do.
    So where TensorFlow pads a side by d more, both get the larger padding, and the kernel d leading
    zeros: the same products in the same places, and some of zero.
    """

    def __init__(self, source: nn.Conv2d, bias: Tensor, after: nn.Module, size: torch.Size) -> None:
        super().__init__()
        self.bias, self.groups = bias, source.groups
        self.stride, self.dilation = list(source.stride), list(source.dilation)
        left, right, top, bottom = _pads(source, size)
        across, down = right - left, bottom - top
        self.padding = [bottom, right]
        weight = F.pad(source.weight.detach(), (across, 0, down, 0))
        self.pads: Pads | None = None
        if self.dilation != [1, 1] and (across or down):
            weight, self.pads, self.padding = (
                source.weight.detach(),
                (left, right, top, bottom),
                [0, 0],
            )
        self.packed = _can_pack(weight) and type(after) in _AFTER and self.pads is None
        self.after = after
        if self.packed:
            shape = [1, *size[1:]]
            settings = (self.padding, self.stride, self.dilation, self.groups, shape)
            weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *settings)
        self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        settings = (self.padding, self.stride, self.dilation, self.groups)
        if not self.packed:
            x = x if self.pads is None else F.pad(x, self.pads)
            return self.after(F.conv2d(x, self.weight, self.bias, *_conv_order(*settings)))
        name, numbers = _AFTER[type(self.after)]
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *settings, name, numbers, ""
        )
        return y


def freeze_convolutions(network: nn.Module, run: Callable[[nn.Module], object]) -> None:
    """Fold every BatchNorm into the convolution before it, and pack the convolutions, in place.

    Which belongs to which is found by one pass: a BatchNorm whose input is what a convolution has
    just put out follows it. Each convolution then expects inputs of the size of that pass.

    Args:
        network: in eval mode.
        run: passes one picture through the network.
    """
    made: dict[int, nn.Conv2d] = {}
    sizes: dict[nn.Conv2d, torch.Size] = {}
    norms: dict[nn.Conv2d, nn.Module] = {}
    kept: list[Any] = []  # so that no output's place in memory is used again

    def after_convolution(layer: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> None:
        made[id(output)], sizes[layer] = layer, inputs[0].shape
        kept.append(output)

    def before_norm(layer: nn.Module, inputs: tuple[Tensor]) -> None:
        if (source := made.get(id(inputs[0]))) is not None:
            norms[source] = layer

    hooks = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            hooks.append(layer.register_forward_hook(after_convolution))
        elif isinstance(layer, nn.BatchNorm2d):
            hooks.append(layer.register_forward_pre_hook(before_norm))
    with torch.no_grad():
        run(network)
    for hook in hooks:
        hook.remove()
    names = {layer: name for name, layer in network.named_modules()}
    for source, size in sizes.items():
        after = _fold(source, norms.get(source))
        bias = source.bias
        zeros = torch.zeros(source.out_channels, device=source.weight.device)
        frozen = FrozenConvolution(source, zeros if bias is None else bias.detach(), after, size)
        network.set_submodule(names[source], frozen)
        if source in norms:
            network.set_submodule(names[norms[source]], nn.Identity())


def _fold(source: nn.Conv2d, norm: Any) -> nn.Module:
    """Take a BatchNorm into a convolution's weights; returns the activation after it."""
    if norm is None:
        return nn.Identity()
    source.weight, source.bias = fuse_conv_bn_weights(
        source.weight,
        source.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    after: nn.Module = getattr(norm, "act", nn.Identity())  # timm's BatchNorm brings its own
    return after


def _can_pack(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


def _conv_order(
    padding: list[int], stride: list[int], dilation: list[int], groups: int
) -> tuple[list[int], list[int], list[int], int]:
    """The settings in the order of `F.conv2d`."""
    return stride, padding, dilation, groups


def _pads(layer: nn.Conv2d, size: torch.Size) -> Pads:
    """What a convolution pads an input of a size with; TensorFlow's "same" may be uneven."""
    same = layer.padding == "same" or type(layer).__name__ == "Conv2dSame"
    found = []
    for axis in (1, 0):
        if not same:
            found += [int(layer.padding[axis])] * 2
            continue
        reach = layer.dilation[axis] * (layer.kernel_size[axis] - 1) + 1
        length, stride = size[2 + axis], layer.stride[axis]
        total = max((-(-length // stride) - 1) * stride + reach - length, 0)
        found += [total // 2, total - total // 2]
    left, right, top, bottom = found
    return left, right, top, bottom
