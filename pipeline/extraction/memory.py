"""How many scans the networks take at once, so that the device's memory is bounded.

The choice rests on the card's total memory, not on what is free: a matrix product may round
differently in a batch of another size, so a neighbour on the card must change no bit.
"""

import torch

from ..backbones.batched.neighbours import TILE
from ..backbones.group_encoder import DEVICE_TILE_POINTS
from ..backbones.images.kind import ImageSpec
from ..backbones.images.vit import DINO
from ..backbones.point_mae import WIDTH
from ..dataset.grid import SIZE
from ..features.channels import POINT_CHANNELS
from ..params.schema import Features
from ..plumbing.errors import ConfigError

SHARE = 0.25  # of the card's total memory, for the scans in the networks
PIXELS = SIZE * SIZE
MAPS = 1024  # bytes of a convolutional network's maps for each pixel that it sees
Specs = tuple[ImageSpec, ImageSpec | None]
PUBLISHED: Specs = (DINO, None)
# Tiles, weights and what the libraries take themselves.
FIXED = TILE * 64 + DEVICE_TILE_POINTS * 1536 * 4 + (1 << 30)


def batch_bytes(features: Features) -> int:
    """Upper bound for one scan of the batch outside the networks: inputs, FPS and results."""
    points = features.points
    grouped = points.groups * points.group_size * 3 * (4 + 8 + 8)
    dense = PIXELS * POINT_CHANNELS * 2 if features.layout == "dense" else 0
    return PIXELS * (3 * 4 + 96 + 3 * (8 + 8 + 8 + 2 + 2)) + grouped + dense


def network_bytes(features: Features, itemsize: int, specs: Specs = PUBLISHED) -> int:
    """Upper bound for one scan within the networks.

    Args:
        itemsize: bytes of a value of the wider dtype of the two backbones.
        specs: of the image networks: the backbones'.
    """
    points, own = features.points, specs[1]
    if own is not None:
        return max(_image_bytes(specs[0], itemsize), _image_bytes(own, itemsize))
    grouped = points.groups * points.group_size * (128 * itemsize + 3 * 8)
    tokens = points.groups * (WIDTH * (4 * 4 + 16 * itemsize) + POINT_CHANNELS * 8 + 6 * 512 * 8)
    patches = _image_bytes(specs[0], itemsize)
    dense = PIXELS * POINT_CHANNELS * 12 if features.layout == "dense" else 0
    return max(grouped + tokens, patches, dense)


def _image_bytes(spec: ImageSpec, itemsize: int) -> int:
    """Upper bound for one picture within an image network."""
    if not spec.tokens:
        return spec.size * spec.size * MAPS
    return (1 + spec.grid.cells) * spec.grid.channels * (6 * 4 + 16 * itemsize)


def scans_at_once(
    features: Features,
    itemsize: int,
    batch: int,
    device: torch.device,
    specs: Specs = PUBLISHED,
) -> int:
    """How many scans of a batch the networks take at once.

    Raises:
        ConfigError: the device has too little free memory for the batch.
    """
    if device.type != "cuda":
        return batch
    free, total = torch.cuda.mem_get_info(device)
    one = network_bytes(features, itemsize, specs)
    scans = max(1, min(batch, int(total * SHARE) // one))
    # What PyTorch holds of earlier batches is free to it, but not to the driver.
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    # Twice, since the next shard is copied while one is computed.
    needed = FIXED + 2 * batch * batch_bytes(features) + scans * one
    if needed > free + unused:
        raise ConfigError(
            f"{batch} scans together may need {needed / 2**30:.1f} GiB on {device}, which has "
            f"{(free + unused) / 2**30:.1f} free: lower features.shard (of `mentor3ad predict`: "
            "--batch), or end what else uses the device"
        )
    return scans
