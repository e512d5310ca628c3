"""Feeds the steps of training with features of pixels, gathered for a block at a time."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from ..compute.device import to_device
from ..features.pixels import PixelFeatures
from .mapped import read_ahead
from .sampling import Batch

BLOCK_PIXELS = 8192  # pixels gathered at once: few calls, a small part of the memory;
BLOCK_BYTES = 16 << 20  # fewer where a modality's features are wide: allocators keep such arrays
DEVICE_BLOCK_PIXELS = 1 << 16  # on a GPU, where each call costs more than the pixels do

StepInputs = tuple[Tensor, ...]  # what a loss sees of the pixels of one step
Gathered = tuple[list[int], Tensor, Tensor]  # pixels of each step; F_RGB (N, R), F_XYZ (N, X)


def as_it_is(*inputs: Tensor) -> StepInputs:
    """Hands F_RGB and F_XYZ on unchanged, for a loss that sees nothing else."""
    return inputs


def step_inputs(
    features: PixelFeatures, batches: Iterable[Batch], extend: Callable[..., StepInputs] = as_it_is
) -> Generator[StepInputs]:
    """Yield what each step trains on, in the order of the batches.

    Close it where it is not run to its end: it may hold a thread.

    Args:
        extend: makes of F_RGB (N, R) and F_XYZ (N, X) of some pixels all that the loss sees of
            them; it is called once for a block of steps.
    """
    widest = max(table.shape[1] for table in features.tables)
    pixels = min(BLOCK_PIXELS, BLOCK_BYTES // (4 * widest))
    if features.device.type == "cuda" and not features.mapped:
        pixels = DEVICE_BLOCK_PIXELS
    with closing(_gathered(features, _blocks(batches, pixels))) as blocks:
        for sizes, rgb, xyz in blocks:
            whole = extend(rgb, xyz)
            yield from zip(*(tensor.split(sizes) for tensor in whole), strict=True)


def _gathered(features: PixelFeatures, blocks: Iterable[list[Batch]]) -> Generator[Gathered]:
    """Yield each block's features, mapped ones gathered while the steps of the last are taken.

    For features in memory a thread would gain nothing: on the CPU the steps keep all cores busy,
    and on a GPU the gather is queued like them.
    """
    if not features.mapped:
        for block in blocks:
            yield _gather(features, block)
        return
    with ThreadPoolExecutor(1, "feed", initializer=_compute_alone) as thread:
        pending = None
        for block in blocks:
            done = pending and pending.result()
            # The thread is idle here: no block is read before the last one is in memory.
            rows = features.stored(np.unique(np.concatenate([batch.scan for batch in block])))
            pending = thread.submit(_gather, features, block, rows)
            if done:
                yield done
        if pending:
            yield pending.result()


def _compute_alone() -> None:
    """Give this thread no helpers: OpenMP slows all teams down once there are more than cores.

    `torch.set_num_threads` might also change how MKL shares out the products of training, and so
    their last bits.
    """
    torch.get_num_threads()  # torch sets a thread's number itself when first asked
    threadpool_limits(1, "openmp")


def _gather(features: PixelFeatures, block: list[Batch], rows: Iterable[Tensor] = ()) -> Gathered:
    """Gather a block; beforehand, `rows` of the tables are read from the disk, in their order."""
    for some in rows:
        read_ahead(some)
    scan = np.concatenate([batch.scan for batch in block])
    pixel = np.concatenate([batch.pixel for batch in block])
    on_device = (to_device(array, features.device) for array in (scan, pixel))
    return [len(batch.pixel) for batch in block], *features.gather(*on_device)


def _blocks(batches: Iterable[Batch], pixels: int) -> Iterator[list[Batch]]:
    """Yield the batches in lists that have so many pixels, or a little more."""
    block: list[Batch] = []
    taken = 0
    for batch in batches:
        block.append(batch)
        taken += len(batch.pixel)
        if taken >= pixels:
            yield block
            block, taken = [], 0
    if block:
        yield block
