"""The published stages, written plainly: what the fast ones are measured against and equal to.

Extraction as crossmodal-feature-mapping runs it on a CPU, in float32, one scan at a time: furthest
points in a Python loop, neighbours by sorting all distances, every convolution of Point-MAE over
every point, all 784 tokens of the ViT, and dense maps at pixel level. AUPRO as the official script
has it, with every normal pixel as a threshold. Two of the reference's faults are left out: DropPath
in a frozen network, and distances that float32 cancels.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from mentor3ad.backbones.point_mae import DEPTH, TAPS, PointMAE
from mentor3ad.dataset.grid import PATCHES, SIZE
from mentor3ad.preparation.prepare import PreparedScan

EPS = 1e-8


@torch.inference_mode()
def extract(
    scan: PreparedScan, vit: nn.Module, encoder: PointMAE, groups: int, group_size: int
) -> tuple[Tensor, Tensor]:
    """F_RGB (224, 224, 768) and F_XYZ (224, 224, 1152) of one scan, float32; metres as they are."""
    foreground = torch.from_numpy(scan.points).flatten(0, 1).ne(0).all(dim=1)  # (50176,)
    points = torch.from_numpy(scan.points).flatten(0, 1)[foreground]  # (P, 3)
    centres = points[furthest_points(points, groups)]  # (G, 3)
    neighbourhoods = points[nearest_points(points, centres, group_size)] - centres[:, None]
    tokens = point_tokens(encoder, neighbourhoods, centres)  # (1152, G)
    return rgb_map(vit, torch.from_numpy(scan.rgb)), points_map(points, centres, tokens, foreground)


def furthest_points(points: Tensor, count: int) -> Tensor:
    """Indices (count,) of points (N, 3); the first is 0. For clouds without points near 0."""
    chosen = torch.zeros(count, dtype=torch.long)
    distance = torch.full((len(points),), 1e10)
    last = 0
    for k in range(count):
        chosen[k] = last
        squared = ((points - points[last]) ** 2).sum(dim=-1)
        nearer = squared < distance
        distance[nearer] = squared[nearer]
        last = int(distance.argmax())
    return chosen


def nearest_points(points: Tensor, centres: Tensor, count: int) -> Tensor:
    """Indices (G, count) of the nearest points of each centre, by sorting all distances."""
    distance = torch.cdist(centres, points, compute_mode="donot_use_mm_for_euclid_dist")
    return distance.argsort(dim=1, stable=True)[:, :count]


def point_tokens(encoder: PointMAE, neighbourhoods: Tensor, centres: Tensor) -> Tensor:
    """(1152, G): Point-MAE layer by layer, BatchNorm by the sample's own statistics."""
    first: Any = encoder.encoder.first_conv  # indexed as layers
    second: Any = encoder.encoder.second_conv
    x = neighbourhoods.transpose(1, 2)  # (G, 3, K)
    x = first[3](F.relu(_sample_norm(first[1], first[0](x))))  # (G, 256, K)
    peak = x.max(dim=2, keepdim=True).values.expand_as(x)
    x = torch.cat([peak, x], dim=1)  # (G, 512, K)
    x = second[3](F.relu(_sample_norm(second[1], second[0](x)))).max(dim=2).values  # (G, 384)
    position, x, taps = encoder.pos_embed(centres)[None], x[None], []
    for depth in range(DEPTH):
        x = _block(encoder.blocks.blocks[depth], x + position)
        if depth in TAPS:
            taps.append(encoder.norm(x))
    return torch.cat(taps, dim=-1)[0].T


def _sample_norm(norm: Any, x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)


def _block(block: Any, x: Tensor) -> Tensor:
    """Attention by softmax written out, as published."""
    attention, batch, groups, width = block.attn, *x.shape
    qkv = attention.qkv(block.norm1(x)).reshape(batch, groups, 3, 6, width // 6)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(-2, -1) * (width // 6) ** -0.5).softmax(dim=-1)
    x = x + attention.proj((weights @ v).transpose(1, 2).reshape(batch, groups, width))
    return x + block.mlp.fc2(F.gelu(block.mlp.fc1(block.norm2(x))))


def rgb_map(vit: nn.Module, image: Tensor) -> Tensor:
    """(224, 224, 768) of an image (3, 224, 224): all tokens, upsampled by 8."""
    tokens = vit.forward_features(image[None])[:, 1:]  # type: ignore[operator]  # (1, 784, 768)
    grid = tokens.transpose(1, 2).reshape(1, -1, PATCHES, PATCHES)
    large = F.interpolate(grid, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return large[0].permute(1, 2, 0)


def points_map(points: Tensor, centres: Tensor, tokens: Tensor, foreground: Tensor) -> Tensor:
    """(224, 224, 1152): three nearest centres by sorting all, scattered, then the 3x3 mean."""
    p, c = points.double(), centres.double()
    squared = (p.square().sum(dim=1)[:, None] + c.square().sum(dim=1) - 2 * p @ c.T).float()
    distance, index = squared.clamp_min(0).sort(dim=1)
    weight = 1 / (distance[:, :3] + EPS)
    weight = weight / weight.sum(dim=1, keepdim=True)  # (P, 3)
    values = (tokens[:, index[:, :3]] * weight).sum(dim=2)  # (1152, P)
    dense = torch.zeros(len(tokens), SIZE * SIZE, device=tokens.device)
    dense[:, foreground] = values
    pooled = F.avg_pool2d(dense.reshape(1, -1, SIZE, SIZE), 3, stride=1)
    return F.adaptive_avg_pool2d(pooled, SIZE)[0].permute(1, 2, 0)


def aupro_all_thresholds(
    maps: NDArray[np.floating], masks: NDArray[np.bool_], limit: float
) -> float:
    """AUPRO of (n, 224, 224) maps: a loop over all thresholds, and over the regions in each."""
    regions = []
    for one, mask in zip(maps, masks, strict=True):
        labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [_Region(one[labels == r + 1]) for r in range(count)]
    normal = np.sort(maps[~masks])
    fpr, pro = [1.0], [1.0]
    for position, threshold in enumerate(normal):
        overlap = 0.0
        for region in regions:
            overlap += region.share_above(threshold)
        fpr.append(1 - (position + 1) / len(normal))
        pro.append(overlap / len(regions))
    return _area(np.array(fpr[::-1]), np.array(pro[::-1]), limit)


class _Region:
    """Sorted scores of one defect; thresholds come in rising order."""

    def __init__(self, scores: NDArray[np.floating]) -> None:
        self.scores, self.below = np.sort(scores), 0

    def share_above(self, threshold: float) -> float:
        while self.below < len(self.scores) and self.scores[self.below] <= threshold:
            self.below += 1
        return 1 - self.below / len(self.scores)


def _area(fpr: NDArray[np.floating], pro: NDArray[np.floating], limit: float) -> float:
    """Trapezoids up to the limit, its end interpolated, over the limit."""
    inside = fpr <= limit
    end = np.interp(limit, fpr, pro)
    return float(np.trapezoid([*pro[inside], end], [*fpr[inside], limit]) / limit)
