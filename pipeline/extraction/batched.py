"""Turns prepared scans into the arrays of the cache, a batch at a time on one device.

    extractor = BatchExtractor(backbones, options)
    arrays = extractor(extractor.batch([DeviceScan.of(scan, options) for scan in scans]))

Several threads may call it: while the device computes one batch, another is read and copied.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..backbones.batched.half import to_float16
from ..backbones.batched.kernel import sample_centres
from ..backbones.batched.neighbours import (
    group_neighbours,
    nearest_centres,
    neighbourhoods,
    rows_of,
)
from ..backbones.batched.point_mae import BatchedPointMAE
from ..backbones.batched.transfer import to_host
from ..backbones.grouping import check_enough, normalise_points
from ..backbones.images import kind_of
from ..backbones.rgb import known_cells
from ..dataset.grid import SIZE
from ..features.interpolation import grid_map, points_map, pool_map
from ..params.schema import Features
from ..preparation.prepare import PreparedScan
from .memory import scans_at_once
from .scan import Backbones, rgb_input, scan_geometry

PIXELS = SIZE * SIZE
Compute = Callable[[Sequence[int]], dict[str, np.ndarray]]


@dataclass(frozen=True)
class DeviceScan:
    """The part of one scan that the device is given."""

    rgb: np.ndarray  # (3, S, S) float32
    points: np.ndarray  # (P, 3) float32, normalised
    foreground: np.ndarray  # (224, 224) bool
    normals: np.ndarray | None = None  # (3, S', S') float32, in place of the points

    @classmethod
    def of(cls, scan: PreparedScan, options: Features) -> "DeviceScan":
        """Raises DataError where `scan_geometry` does."""
        image, foreground, own = rgb_input(scan, options.rgb), scan.foreground, options.points
        if own.model == "normals":
            normals = scan_geometry(scan, own).image
            return cls(image, np.zeros((0, 3), np.float32), foreground, normals)
        points = normalise_points(scan.points[foreground], own.normalize)
        check_enough(len(points), own.groups, own.group_size)
        return cls(image, points, foreground)


@dataclass(frozen=True)
class HostBatch:
    """Scans side by side; in pinned memory if there is a device to copy them to."""

    images: Tensor  # (B, 3, S, S) float32
    points: Tensor  # (B, P, 3) float32, zero beyond a scan's own
    counts: Tensor  # (B,) int64
    place: Tensor  # (B, 50176) int32: each pixel's point, P on the background
    foreground: np.ndarray  # (B, 224, 224) bool
    normals: Tensor  # (B, 3, S', S') float32; empty without

    @classmethod
    def of(cls, clouds: Sequence[DeviceScan], pinned: bool) -> "HostBatch":
        counts = [len(cloud.points) for cloud in clouds]
        scans, longest = len(clouds), max(counts)

        def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.empty(shape, dtype=dtype, pin_memory=pinned)

        images, points = empty(scans, *clouds[0].rgb.shape), empty(scans, longest, 3).zero_()
        first = clouds[0].normals
        normals = empty(scans, *(first.shape if first is not None else (0,)))
        place = empty(scans, PIXELS, dtype=torch.int32).fill_(longest)
        for i, cloud in enumerate(clouds):
            images[i] = torch.from_numpy(cloud.rgb)
            points[i, : counts[i]] = torch.from_numpy(cloud.points)
            if (own := cloud.normals) is not None:
                normals[i] = torch.from_numpy(own)
                continue
            place.numpy()[i, cloud.foreground.ravel()] = np.arange(counts[i])
        count = empty(scans, dtype=torch.int64).copy_(torch.tensor(counts))
        foreground = np.stack([cloud.foreground for cloud in clouds])
        return cls(images, points, count, place, foreground, normals)


class BatchExtractor:
    """The two backbones' batched forms on their device."""

    def __init__(self, backbones: Backbones, options: Features) -> None:
        dtypes = {name: getattr(torch, value) for name, value in backbones.precision.items()}
        self.options, self.device = options, backbones.device
        rgb, points, spec = backbones.rgb, backbones.points, backbones.points_spec
        self.rgb_spec, self.points_spec = backbones.rgb_spec, spec
        self.rgb = kind_of(rgb).batched(rgb, self.rgb_spec, dtypes["rgb"])
        self.points: Any = (
            BatchedPointMAE(points, dtypes["points"])
            if spec is None
            else kind_of(points).batched(points, spec, dtypes["points"])
        )
        self.itemsize = max(dtype.itemsize for dtype in dtypes.values())
        self._queueing = Lock()  # one batch after the other on the device
        self._copying: Any = None
        if self.device.type == "cuda":
            self._copying = torch.cuda.Stream(self.device)
            self._computing = torch.cuda.Stream(self.device)
            # The weights were copied on this thread's stream.
            self._computing.wait_stream(torch.cuda.current_stream(self.device))

    def batch(self, clouds: Sequence[DeviceScan]) -> HostBatch:
        return HostBatch.of(clouds, self._copying is not None)

    def __call__(self, batch: HostBatch) -> dict[str, np.ndarray]:
        """Features of some scans, as `feature_arrays(options.layout, ...)` names and shapes them.

        On CUDA the bits depend on which scans are together, within the rounding of matrix
        products; FPS, neighbours and weights do not.

        Raises:
            ConfigError: the device has too little free memory.
        """
        if self._copying is None:
            arrays = self._arrays(batch, *self._inputs(batch))
        else:
            arrays = self._queued(batch)
        found = {name: tensor.numpy() for name, tensor in arrays.items()}
        if "index" in found:
            found["index"] = found["index"].view(np.uint16)
        else:
            found["foreground"] = batch.foreground.astype(np.uint8)
        return found

    def _queued(self, batch: HostBatch) -> dict[str, Tensor]:
        """Copy on a stream beside the one that computes, and wait for nothing but the end."""
        with torch.cuda.stream(self._copying):
            inputs = self._inputs(batch)
            arrived = self._copying.record_event()
        with self._queueing, torch.cuda.stream(self._computing):
            self._computing.wait_event(arrived)
            for tensor in inputs:
                tensor.record_stream(self._computing)
            arrays = {k: to_host(v) for k, v in self._arrays(batch, *inputs).items()}
            # Blocking: the thread that waits leaves its core to those that read.
            done = self._computing.record_event(torch.cuda.Event(blocking=True))
        done.synchronize()
        return arrays

    def _inputs(self, batch: HostBatch) -> tuple[Tensor, ...]:
        tensors = (batch.images, batch.points, batch.counts, batch.place, batch.normals)
        return tuple(tensor.to(self.device, non_blocking=True) for tensor in tensors)

    @torch.inference_mode()
    def _arrays(
        self,
        batch: HostBatch,
        images: Tensor,
        points: Tensor,
        counts: Tensor,
        place: Tensor,
        normals: Tensor,
    ) -> dict[str, Tensor]:
        options, scans = self.options.points, len(images)
        specs = self.rgb_spec, self.points_spec
        at_once = scans_at_once(self.options, self.itemsize, scans, self.device, specs)
        if self.points_spec is not None:
            return self._grids(batch, images, normals, at_once)
        chosen = sample_centres(points, counts, options.groups)  # (B, G)
        centres = rows_of(points, chosen)
        near = group_neighbours(points, counts, chosen, options.group_size)
        groups = neighbourhoods(points, near, centres)  # (B, G, K, 3)
        index, weight = nearest_centres(points, centres)  # (B, P, 3)
        known = self._known(batch.foreground)
        own_statistics = options.norm_stats == "sample"
        patches, tokens = [], []
        for i in range(0, scans, at_once):
            part = slice(i, i + at_once)
            patches.append(self.rgb(images[part], known[part]).half())
            tokens.append(self.points(groups[part], centres[part], own_statistics).half())
        pixel_index = _at_pixels(index, place)
        pixel_weight = _at_pixels(to_float16(weight), place)
        found = {"rgb": torch.cat(patches)}
        if self.options.layout == "dense":
            dense = self._dense(torch.cat(tokens), pixel_index, pixel_weight)
            return found | {"points": dense}
        wrapped = torch.where(pixel_index > 32767, pixel_index - 65536, pixel_index)
        index16 = wrapped.to(torch.int16)  # uint16 to whoever reads its bytes
        return found | {"tokens": torch.cat(tokens), "index": index16, "weight": pixel_weight}

    def _grids(
        self, batch: HostBatch, images: Tensor, normals: Tensor, at_once: int
    ) -> dict[str, Tensor]:
        """Both modalities' cells, where points go through an image network too."""
        known, side = self._known(batch.foreground), self.points_spec.grid.side  # type: ignore[union-attr]
        every = np.ones((len(images), side, side), bool)
        parts = [slice(i, i + at_once) for i in range(0, len(images), at_once)]
        found = {"rgb": torch.cat([self.rgb(images[p], known[p]).half() for p in parts])}
        cells = torch.cat([self.points(normals[p], every[p]).half() for p in parts])
        if self.options.layout == "factored":
            return found | {"xyz": cells}
        pairs = zip(cells, batch.foreground, strict=True)
        return found | {"points": torch.stack([grid_map(*pair).half() for pair in pairs])}

    def _known(self, foreground: np.ndarray) -> np.ndarray:
        """(B, g, g) bool: the cells that are wanted; of a ViT, the patches that enter it."""
        side = self.rgb_spec.grid.side
        if self.options.rgb.tokens == "all" or not self.rgb_spec.tokens:
            return np.ones((len(foreground), side, side), bool)
        return known_cells(foreground, side)

    def _dense(self, tokens: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        maps = []
        for one in zip(tokens.float(), index, weight.float(), strict=True):
            dense = points_map(*one)
            maps.append((pool_map(dense) if self.options.points.pool else dense).half())
        return torch.stack(maps)


def _at_pixels(values: Tensor, place: Tensor) -> Tensor:
    """Lay the points' values (B, P, 3) into pixels (B, 224, 224, 3); zero on the background."""
    rows = torch.cat([values, values.new_zeros(len(values), 1, 3)], dim=1)
    rows = rows.gather(1, place.long()[..., None].expand(-1, -1, 3))
    return rows.view(-1, SIZE, SIZE, 3)


@contextmanager
def shard_by_shard(
    load: Callable[[int], DeviceScan], scans: int, backbones: Backbones, options: Features
) -> Iterator[Compute]:
    """Yield a function from positions of scans to arrays, which takes whole shards together.

    Where only some scans of a shard are asked for the whole of it is computed all the same, so
    that the bytes are those of a run that computes all. Shards may be asked for side by side: one
    is read by threads while the device has another.

    Args:
        load: reads a scan; raises DataError. scans: of the whole category.
    """
    extractor = BatchExtractor(backbones, options)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:

        def compute(positions: Sequence[int]) -> dict[str, np.ndarray]:
            first = positions[0] // options.shard * options.shard
            shard = range(first, min(first + options.shard, scans))
            arrays = extractor(extractor.batch(list(pool.map(load, shard))))
            wanted = [position - first for position in positions]
            whole = len(wanted) == len(shard)
            return arrays if whole else {name: a[wanted] for name, a in arrays.items()}

        yield compute
