"""FeatureCache: the same view of both layouts. Maps of 12 pixels, 3 patches and few channels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import mentor3ad.features.store as features
from mentor3ad.cache.schema import StoreManifest
from mentor3ad.features.channels import Grid, Shapes, Tokens
from mentor3ad.features.interpolation import points_map, pool_map
from mentor3ad.features.store import FeatureCache, feature_arrays
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.publishing.writer import write_store

SIZE, PATCHES, RGB, POINTS, GROUPS = 12, 3, 5, 7, 4
SAMPLES = ("train/good/000", "train/good/001", "test/hole/000")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "SIZE", SIZE)


def factors(sample: int) -> dict[str, np.ndarray]:
    """One scan's arrays in the factored layout; its foreground is the middle of the map."""
    rng = np.random.default_rng(sample)
    foreground = np.zeros((SIZE, SIZE, 1), bool)
    foreground[3:9, 2:10] = True
    weight = rng.dirichlet(np.ones(3), (SIZE, SIZE)) * foreground
    index = rng.permuted(np.tile(np.arange(GROUPS), (SIZE, SIZE, 1)), axis=-1)[..., :3]
    return {
        "rgb": rng.standard_normal((PATCHES, PATCHES, RGB)).astype(np.float16),
        "tokens": rng.standard_normal((GROUPS, POINTS)).astype(np.float16),
        "index": (index * foreground).astype(np.uint16),
        "weight": weight.astype(np.float16),
    }


def dense(sample: int, pool: bool) -> np.ndarray:
    """(12, 12, 7) float32 F_XYZ by the interpolation's own functions."""
    parts = {name: torch.from_numpy(a.astype(np.float32)) for name, a in factors(sample).items()}
    plain = points_map(parts["tokens"], parts["index"], parts["weight"])
    return (pool_map(plain) if pool else plain).numpy()


def arrays_of(sample: int, layout: str, pool: bool) -> dict[str, np.ndarray]:
    content = factors(sample)
    if layout == "factored":
        return content
    foreground = content["weight"].any(axis=-1).astype(np.uint8)
    points = dense(sample, pool).astype(np.float16)
    return {"rgb": content["rgb"], "points": points, "foreground": foreground}


def manifest(layout: str, pool: bool) -> StoreManifest:
    return StoreManifest(
        kind=features.KIND,
        category="rope",
        samples=SAMPLES,
        hashes=("0" * 64,) * len(SAMPLES),
        inputs={"layout": layout, "points": {"groups": GROUPS, "pool": pool}},
        arrays=feature_arrays(layout, Grid(PATCHES, RGB), Tokens(GROUPS, POINTS)),
        codec="blosc",
        shard=2,
    )


def cache(folder: Path, layout: str, pool: bool = False) -> FeatureCache:
    def compute(samples: range) -> dict[str, np.ndarray]:
        scans = [arrays_of(i, layout, pool) for i in samples]
        return {name: np.stack([scan[name] for scan in scans]) for name in scans[0]}

    out = folder / f"{layout}.zarr"
    write_store(out, manifest(layout, pool), compute, folder / "staging")
    return FeatureCache.open(out, "rope")


@pytest.mark.parametrize("layout", ["factored", "dense"])
def test_samples_keep_the_manifests_order(tmp_path: Path, layout: str) -> None:
    opened = cache(tmp_path, layout)
    assert (opened.samples, len(opened)) == (SAMPLES, 3)
    for i in range(3):
        np.testing.assert_array_equal(opened.scan(i).rgb, factors(i)["rgb"])


@pytest.mark.parametrize("layout", ["factored", "dense"])
def test_foreground_is_where_a_point_has_a_weight(tmp_path: Path, layout: str) -> None:
    found = cache(tmp_path, layout).scan(1).foreground
    np.testing.assert_array_equal(found, factors(1)["weight"].any(axis=-1))
    assert found.sum() == 48


@pytest.mark.parametrize("pool", [False, True])
def test_both_layouts_give_the_same_map(tmp_path: Path, pool: bool) -> None:
    factored, whole = (cache(tmp_path, layout, pool) for layout in ("factored", "dense"))
    for i in range(3):
        maps = [opened.scan(i).points_map() for opened in (factored, whole)]
        assert [m.dtype for m in maps] == [torch.float32] * 2
        # half a unit in the last place of float16, which the dense layout rounds to
        torch.testing.assert_close(maps[0], maps[1], rtol=2**-11, atol=2**-24)


@pytest.mark.parametrize("layout", ["factored", "dense"])
@pytest.mark.parametrize("pool", [False, True])
def test_the_map_is_the_interpolations(tmp_path: Path, layout: str, pool: bool) -> None:
    expected = torch.from_numpy(dense(2, pool))
    found = cache(tmp_path, layout, pool).scan(2).points_map()
    torch.testing.assert_close(found, expected, rtol=2**-11, atol=2**-24)


def test_background_is_zero_without_the_mean(tmp_path: Path) -> None:
    scan = cache(tmp_path, "factored").scan(0)
    assert not scan.points_map()[torch.from_numpy(~scan.foreground)].any()


def test_a_dense_store_is_not_pooled_twice(tmp_path: Path) -> None:
    opened = cache(tmp_path, "dense", pool=True)
    assert opened.scan(0).pool is False


def test_another_category_is_refused(tmp_path: Path) -> None:
    cache(tmp_path, "factored")
    with pytest.raises(CacheError, match="category is rope, expected foam"):
        FeatureCache.open(tmp_path / "factored.zarr", "foam")


def test_a_store_of_scores_is_refused(tmp_path: Path) -> None:
    cache(tmp_path, "factored")
    scores = replace(manifest("factored", False), kind="scores")
    parts = {name: np.stack([a, a]) for name, a in factors(0).items()}
    write_store(
        tmp_path / "scores.zarr",
        replace(scores, samples=SAMPLES[:2], hashes=("0" * 64,) * 2),
        lambda _: parts,
        tmp_path / "staging",
    )
    with pytest.raises(CacheError, match="kind is scores, expected features"):
        FeatureCache.open(tmp_path / "scores.zarr", "rope")


def test_a_grid_of_cells_in_place_of_groups() -> None:
    rgb, xyz = Grid(PATCHES, RGB), Grid(5, POINTS)
    factored, dense = (
        {spec.name: (spec.shape, spec.dtype) for spec in feature_arrays(layout, rgb, xyz)}
        for layout in ("factored", "dense")
    )
    assert factored == {
        "rgb": ((3, 3, 5), "float16"),
        "xyz": ((5, 5, 7), "float16"),
        "foreground": ((12, 12), "uint8"),
    }
    assert dense["points"] == ((12, 12, 7), "float16")


def test_a_store_says_its_shapes_and_its_cells(tmp_path: Path) -> None:
    """What trains and scores takes channels and grids from the store."""
    specs = feature_arrays("factored", Grid(PATCHES, RGB), Grid(5, POINTS))
    content = replace(manifest("factored", False), inputs={"points": {}}, arrays=specs)

    def compute(samples: range) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(0)
        shape = {spec.name: (len(samples), *spec.shape) for spec in specs}
        return {spec.name: rng.normal(size=shape[spec.name]).astype(spec.dtype) for spec in specs}

    write_store(tmp_path / "rope.zarr", content, compute, tmp_path / "staging")
    store = FeatureCache.open(tmp_path / "rope.zarr", "rope")
    assert store.shapes == Shapes(Grid(PATCHES, RGB), POINTS, 5)
    assert store.shapes.channels == (RGB, POINTS)
    assert store.token_count(0) == 25
    assert store.scan(0).xyz.shape == (5, 5, POINTS)


def test_layouts_have_the_documented_arrays() -> None:
    shapes = {
        layout: {
            spec.name: (spec.shape, spec.dtype)
            for spec in feature_arrays(layout, Grid(PATCHES, RGB), Tokens(GROUPS, POINTS))
        }
        for layout in ("factored", "dense")
    }
    assert shapes == {
        "factored": {
            "rgb": ((3, 3, 5), "float16"),
            "tokens": ((4, 7), "float16"),
            "index": ((12, 12, 3), "uint16"),
            "weight": ((12, 12, 3), "float16"),
        },
        "dense": {
            "rgb": ((3, 3, 5), "float16"),
            "points": ((12, 12, 7), "float16"),
            "foreground": ((12, 12), "uint8"),
        },
    }
