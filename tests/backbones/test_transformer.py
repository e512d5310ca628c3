"""The CPU's transformer against the plain networks, and its bits on other threads.

Stops: tiles whose bits depend on who computes them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from mentor3ad.backbones.point_mae import TAPS
from mentor3ad.backbones.rgb import FastViT, foreground_patch_features, patch_features
from mentor3ad.backbones.transformer import (
    HEAD,
    TILE_ROWS,
    Transformer,
    attention,
    row_tiles,
)

FLOAT32, BFLOAT16 = torch.float32, torch.bfloat16


@pytest.mark.parametrize("rows", [1, 2, 257, 512, 785, 1024])
def test_tiles_are_every_row_once_in_cache_sized_parts(rows):
    tiles = row_tiles(rows)
    assert [i for tile in tiles for i in range(rows)[tile]] == list(range(rows))
    assert max(tile.stop - tile.start for tile in tiles) <= TILE_ROWS
    assert rows == 1 or len(tiles) % 2 == 0


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 224, 224)).astype(np.float32)


@pytest.fixture(scope="module")
def foreground() -> np.ndarray:
    foreground = np.zeros((224, 224), bool)
    foreground[50:150, 30:120] = True
    return foreground


@torch.inference_mode()
@pytest.mark.parametrize("tokens", ["all", "foreground"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(FLOAT32, 1e-5), (BFLOAT16, 0.01)])
def test_fast_vit_is_the_plain_one(backbones, image, foreground, tokens, dtype, tolerance):
    images, vit = torch.from_numpy(image[None]), backbones.rgb
    if tokens == "all":
        expected, mask = patch_features(vit, images)[0], None
    else:
        expected, mask = foreground_patch_features(vit, images, foreground[None])[0], foreground
    features = FastViT(vit, dtype)(image, mask)
    error = np.square(features - expected.numpy()).mean() ** 0.5 / expected.std()
    assert error < tolerance


@torch.inference_mode()
def test_bfloat16_attention_is_off_by_little_more_than_the_rounding_of_its_inputs():
    """With logits up to 15, as trained heads have them; random ones are nearly uniform."""
    torch.manual_seed(0)
    exact = torch.randn(3, 4, 300, HEAD)
    exact[:2] *= 1.7
    rounded, rows = exact.bfloat16(), slice(50, 150)
    expected = attention(exact, rows)
    error = (attention(rounded, rows).float() - expected).norm()
    assert error < 3 * (attention(rounded.float(), rows) - expected).norm()
    assert error < 0.015 * expected.norm()


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [FLOAT32, BFLOAT16])
def test_bits_do_not_depend_on_who_computes_a_tile_nor_when(backbones, dtype):
    torch.manual_seed(0)
    points = backbones.points
    transformer = Transformer(points.blocks.blocks, points.norm, TAPS, dtype)
    x, position = torch.randn(300, 384), torch.randn(300, 384)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(3, initializer=lambda: torch.set_num_threads(1)) as pool:

            def backwards(task: Callable[[slice], None], tiles: Sequence[slice]) -> list[None]:
                return list(pool.map(torch.inference_mode()(task), tiles[::-1]))[::-1]

            side_by_side = transformer(x.clone(), position, backwards)
        assert torch.equal(side_by_side, transformer(x.clone(), position))
    finally:
        torch.set_num_threads(threads)
