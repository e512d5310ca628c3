"""Options of listing and preparation for tests: M3DM's limits, with what a test changes."""

from functools import cache
from pathlib import Path
from typing import Any

from mentor3ad.dataset.manifest import Manifest
from mentor3ad.params.schema import (
    PARAMS_FILE,
    Data,
    Demo,
    Listing,
    Params,
    Preparation,
    load_params,
)
from mentor3ad.preparation.prepare import prepare_category
from tests.paths import ROOT


def preparation(**changes: Any) -> Preparation:
    """Limits of the foreground as published, with the given ones changed."""
    published: dict[str, Any] = {
        "plane_removal": True,
        "crop": "none",
        "crop_margin": 0.08,
        "border_px": 10,
        "inlier_m": 0.004,
        "removal_m": 0.005,
        "cluster_eps_m": 0.006,
        "cluster_min_points": 30,
        "piece_share": 0.1,
        "piece_gap_m": 0.02,
        "min_points": 64,
    }
    return Preparation(**published | changes)


@cache
def _shipped() -> Params:
    return load_params(ROOT / PARAMS_FILE)


def demo(**changes: Any) -> Demo:
    """The shipped section, with the given options changed and not checked."""
    return _shipped().demo.model_copy(update=changes)


def data(**changes: Any) -> Data:
    """The shipped section, with the given options changed and not checked."""
    return _shipped().data.model_copy(update=changes)


def listing(layout: str = "mvtec3d", light: int = 4, **changes: Any) -> Listing:
    """How MVTec 3D-AD is laid out, with the given options changed."""
    mvtec3d: dict[str, Any] = {
        "layout": layout,
        "light": light,
        "test_private": False,
        "units": "m",
        "invalid": None,
        "bits": None,
        "camera": None,
        "test_share": 0.2,
    }
    return Listing(**mvtec3d | changes)


def prepare(root: Path, category: str, out: Path, **others: Any) -> Manifest:
    """Prepare a category in MVTec 3D-AD's layout, with the published limits."""
    return prepare_category(root, category, out, preparation(), listing(), **others)
