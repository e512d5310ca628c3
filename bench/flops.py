"""Floating-point operations of the heavy steps, by formula from the params.

A multiply-add is two. Matrix products, convolutions and attention count; norms, activations and
gathers do not, as in torch.utils.flop_counter, which a test compares these with. They are what our
form of a network needs: Point-MAE's encoder as `pipeline/backbones/group_encoder.py` rearranges it,
the ViT on the patches that it is given. Other networks of timm are counted by torch, on one picture
without memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from torch.utils.flop_counter import FlopCounterMode

from mentor3ad.backbones import point_mae
from mentor3ad.backbones.images import empty_network, kind_of
from mentor3ad.backbones.images.kind import ImageSpec
from mentor3ad.backbones.images.vit import DINO
from mentor3ad.dataset.grid import PATCH, PATCHES
from mentor3ad.extraction.points import point_kind
from mentor3ad.extraction.scan import rgb_spec
from mentor3ad.features.channels import PUBLISHED, RGB_CHANNELS, Shapes
from mentor3ad.features.space import FeatureSpace
from mentor3ad.params.schema import Features, Model

VIT_WIDTH, VIT_DEPTH = RGB_CHANNELS, 12


def linear(rows: int, inputs: int, outputs: int) -> int:
    return 2 * rows * inputs * outputs


def block(tokens: int, width: int) -> int:
    """A transformer block with an MLP four times as wide: attention's two products, and four."""
    return 4 * tokens * tokens * width + linear(tokens, width, 12 * width)


def vit(patches: int) -> int:
    """ViT-B/8 on so many of the 784 patches; all of them are embedded."""
    embedding = linear(PATCHES * PATCHES, 3 * PATCH * PATCH, VIT_WIDTH)
    return embedding + VIT_DEPTH * block(1 + patches, VIT_WIDTH)


def point_encoder(groups: int, group_size: int, sample_stats: bool) -> int:
    """Point-MAE's encoder, rearranged; a scan's own statistics take three more products."""
    rows, width = groups * group_size, point_mae.WIDTH
    per_point = 3 * 128 + 128 * 256 + 128 * 512 + 512 * width
    network = 2 * rows * per_point + linear(groups, 256, 512) + linear(groups, 512, width)
    if sample_stats:
        network += linear(128, rows, 128) + linear(512, 128, 128) + linear(groups, 128, 512)
    position = linear(groups, 3, 128) + linear(groups, 128, width)
    return network + position + point_mae.DEPTH * block(groups, width)


def extraction(features: Features, patches: int) -> int:
    """Both backbones on one scan whose foreground touches so many patches of DINO."""
    points, spec = features.points, rgb_spec(features.rgb)
    own = point_kind(points).spec(points)
    seen = PATCHES * PATCHES if features.rgb.tokens == "all" else patches
    of_rgb = vit(seen) if spec is DINO else image_network(spec)
    if own is not None:
        return of_rgb + image_network(own)
    return of_rgb + point_encoder(points.groups, points.group_size, points.norm_stats == "sample")


@cache
def image_network(spec: ImageSpec) -> int:
    """A network of timm on one whole picture, up to the last stage that is taken."""
    network = empty_network(spec.model).eval()
    kind = kind_of(network)
    kind.fit(network, spec)
    picture = torch.empty(1, 3, spec.size, spec.size, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        kind.plain(network, spec, picture)
    return counter.get_total_flops()


@dataclass(frozen=True)
class Layer:
    """A linear layer; whether its input needs a gradient decides on one more product."""

    inputs: int
    outputs: int
    through: bool = True

    def forward(self, rows: int) -> int:
        return linear(rows, self.inputs, self.outputs)

    def step(self, rows: int) -> int:
        """Forward, the gradient of the weights and, where it is needed, that of the input."""
        return self.forward(rows) * (3 if self.through else 2)


def mlp(widths: Sequence[int], through: bool = False) -> list[Layer]:
    return [Layer(a, b, through or i > 0) for i, (a, b) in enumerate(pairwise(widths))]


def space_channels(model: Model, shapes: Shapes) -> tuple[int, int]:
    """Channels of F_RGB and F_XYZ in the space that they are compared in."""
    return FeatureSpace(model.whitening.components, shapes.channels).channels


def fusion_layers(model: Model, shapes: Shapes = PUBLISHED) -> Iterator[Layer]:
    """MFM: an MLP a modality and the outer one."""
    dim, rgb, xyz = model.mfm.dim, *space_channels(model, shapes)
    for inputs in (rgb, xyz, 2 * dim):
        hidden = model.mfm.hidden or (inputs + dim) // 2
        # LayerNorm before the first layer has weights, so that its input needs a gradient
        yield from mlp((inputs, hidden, dim), through=True)


def guidance_layers(model: Model, shapes: Shapes = PUBLISHED) -> Iterator[Layer]:
    """MGM: both directions, the mentor's MLP in each."""
    rgb, xyz = space_channels(model, shapes)
    dim = model.mfm.dim if model.mgm.use_mentor else 0
    for source, target in ((rgb, xyz), (xyz, rgb)):
        hidden = model.mgm.hidden or (source + dim + target) // 2
        if dim:
            yield from mlp((dim, dim, dim))
        yield from mlp((source + dim, hidden, hidden, target), through=dim > 0)


def fusion_step(model: Model, rows: int) -> int:
    """One training step of MFM: the layers, and the products of InfoNCE and their gradients.

    Args:
        rows: pixels of the step: at most one a patch, so often fewer than `model.mfm` asks for.
    """
    dim, layers = model.mfm.dim, list(fusion_layers(model))
    if not model.mfm.outer_loss:
        layers = layers[:4]
    contrast = linear(rows, dim, rows)
    return sum(layer.step(rows) for layer in layers) + contrast * (7 if model.mfm.outer_loss else 3)


def guidance_step(model: Model) -> int:
    """One training step of MGM, the frozen mentor's forward pass included."""
    rows = model.mgm.scans * model.mgm.pixels
    mentor = sum(layer.forward(rows) for layer in fusion_layers(model))
    return mentor + sum(layer.step(rows) for layer in guidance_layers(model))


def scoring(model: Model, pixels: int, groups: int, shapes: Shapes = PUBLISHED) -> int:
    """The scores of so many pixels of a scan: its factors into the feature space and through the
    first layers that read them; the rest of MFM and MGM; MFM of the reconstructions; cosines.

    Args:
        groups: tokens of F_XYZ; a grid has its cells instead.
        shapes: of the features.
    """
    dim, channels = model.mfm.dim, space_channels(model, shapes)
    fusion, total = list(fusion_layers(model, shapes)), 0
    tokens_of_xyz = groups if shapes.xyz_side is None else shapes.xyz_side**2
    for (inputs, source, target), tokens, raw in zip(
        ((fusion[0].outputs, *channels), (fusion[2].outputs, *reversed(channels))),
        (shapes.rgb.cells, tokens_of_xyz),
        shapes.channels,
        strict=True,
    ):
        hidden = model.mgm.hidden or (source + dim * model.mgm.use_mentor + target) // 2
        rows = tokens
        if model.whitening.components is not None:
            total += linear(tokens, raw, source)
            rows += 1  # the offset of the space
        total += linear(rows, source, inputs) + linear(rows, source, hidden)
        if model.mgm.use_mentor:
            total += linear(pixels, dim, dim) + linear(pixels, dim, hidden)
        total += linear(pixels, hidden, hidden) + linear(pixels, hidden, target)
    after_products = [layer for i, layer in enumerate(fusion) if i not in (0, 2)]
    total += sum(layer.forward(pixels) for layer in (*after_products, *fusion))
    return total + sum(linear(pixels, width, 1) for width in (*channels, dim))
