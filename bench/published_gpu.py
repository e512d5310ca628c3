"""The published form of extraction, inference and training, in batches on one device, in float32.

What crossmodal-feature-mapping does for one scan, done for several at once: all 784 tokens of the
ViT, Point-MAE as published, dense maps of every pixel, and MFM and MGM on every one of them. Of two
of its libraries ours stand in: furthest points come from our kernel, neighbours from `topk`.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import oracle
from mentor3ad.backbones.batched.fps import furthest_points
from mentor3ad.dataset.grid import PATCHES, SIZE
from mentor3ad.extraction.scan import Backbones
from mentor3ad.fusion.network import Fusion
from mentor3ad.guidance.network import Guidance, guidance_loss
from mentor3ad.mentor.losses import cosine_difference
from mentor3ad.params.schema import PointFeatures
from mentor3ad.preparation.prepare import PreparedScan

Maps = tuple[Tensor, Tensor]  # (B, 50176, 768) and (B, 50176, 1152) float32


@torch.inference_mode()
def dense_maps(
    scans: Sequence[PreparedScan], backbones: Backbones, options: PointFeatures
) -> tuple[Maps, Tensor]:
    """Features of every pixel, zero on the background in F_XYZ, and the foreground (B, 50176)."""
    device = backbones.device
    images = torch.stack([torch.from_numpy(scan.rgb) for scan in scans]).to(device)
    clouds = [torch.from_numpy(scan.points).flatten(0, 1).to(device) for scan in scans]
    foreground = [cloud.ne(0).all(dim=1) for cloud in clouds]
    points = [cloud[own] for cloud, own in zip(clouds, foreground, strict=True)]
    centres = [_centres(cloud, options.groups) for cloud in points]
    groups = [
        _groups(cloud, centre, options.group_size)
        for cloud, centre in zip(points, centres, strict=True)
    ]
    own_statistics = options.norm_stats == "sample"
    tokens = backbones.points(torch.stack(groups), torch.stack(centres), own_statistics)
    xyz = [
        oracle.points_map(cloud, centre, token.T, own).flatten(0, 1)
        for cloud, centre, token, own in zip(points, centres, tokens, foreground, strict=True)
    ]
    return (_rgb_maps(backbones, images), torch.stack(xyz)), torch.stack(foreground)


def _rgb_maps(backbones: Backbones, images: Tensor) -> Tensor:
    vit: Any = backbones.rgb
    tokens = vit.forward_features(images)[:, 1:]  # (B, 784, 768)
    grid = tokens.transpose(1, 2).unflatten(2, (PATCHES, PATCHES))
    large = F.interpolate(grid, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return large.flatten(2).transpose(1, 2).contiguous()


def _centres(points: Tensor, groups: int) -> Tensor:
    count = torch.full((1,), len(points), device=points.device)
    return points[furthest_points(points[None], count, groups)[0]]


def _groups(points: Tensor, centres: Tensor, size: int) -> Tensor:
    distance = torch.cdist(centres, points, compute_mode="donot_use_mm_for_euclid_dist")
    return points[distance.topk(size, largest=False).indices] - centres[:, None]


@torch.inference_mode()
def score_maps(maps: Maps, fusion: Fusion, guidance: Guidance) -> Tensor:
    """S_RGB, S_XYZ and S_Mtr (eq. 5) of every pixel: (B, 3, 224, 224)."""
    scores = []
    for rgb, xyz in zip(*maps, strict=True):
        mentor = fusion(rgb, xyz)
        predicted = guidance(rgb, xyz, mentor)
        again = fusion(*predicted)
        pairs = zip((*predicted, again), (rgb, xyz, mentor), strict=True)
        scores.append(torch.stack([cosine_difference(a, b) for a, b in pairs]))
    return torch.stack(scores).unflatten(2, (SIZE, SIZE))


def guidance_step(
    maps: Maps, foreground: Tensor, fusion: Fusion, guidance: Guidance, adam: torch.optim.Optimizer
) -> None:
    """One of MGM's steps on all foreground pixels of some scans, as CFM takes them."""
    rgb, xyz = (each[foreground] for each in maps)
    with torch.no_grad():
        mentor = fusion(rgb, xyz)
    adam.zero_grad()
    guidance_loss(guidance, rgb, xyz, mentor).backward()
    adam.step()
