"""A made-up report: two categories of domes with bright defects, without running any stage."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import numpy as np

from mentor3ad.dataset.grid import SIZE
from mentor3ad.drawing.encoding import encode_cloud, encode_maps, encode_masks, encode_picture
from mentor3ad.evaluation.views import Alarm, CategoryViews, Region, ScanView
from mentor3ad.params.schema import Params, load_params
from mentor3ad.report.best import Best
from mentor3ad.report.html.content import Content, page_content
from mentor3ad.report.html.page import render_page
from mentor3ad.report.origin import Origin
from mentor3ad.report.rivals import RivalRow, rival_results, rival_table
from mentor3ad.report.summary import summarise
from tests.paths import ROOT

HOSTILE = "</script><img src=x onerror=alert(1)>"  # a defect folder may be called so
CATEGORIES = ("rope", "tire")
KINDS = ("good", "good", "cut", HOSTILE, "cut", "good")  # of the test scans
SCORES = (0.5, 3.0, 4.0, 0.2, 2.5, 0.9)
THRESHOLD = 1.0
RIVALS: dict[str, Any] = {  # of stage `rivals`, the same for each category
    "nearest": {
        "join": "calibrated",
        "bytes": 1000,
        "maps": {
            "rgb": {"i_auroc": 0.7, "p_auroc": 0.5, "aupro_30": 0.4, "aupro_1": 0.1},
            "joined": {"i_auroc": 0.8, "p_auroc": 0.9, "aupro_30": 0.85, "aupro_1": 0.55},
        },
    }
}
BEST = {"i_auroc": Best("votes", HOSTILE, 0.875, 0.0125, 3)}  # of a study on the same data
ORIGIN = Origin("0123456789ab", "2026-11-27", True, "lofty-hoof")
PARAMS = ROOT / "params.yaml"


def part() -> tuple[np.ndarray, np.ndarray]:
    """(224, 224, 3) metres and (224, 224) bool: a tilted dome on the middle of the picture."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    foreground = x**2 + y**2 < 0.5
    z = 0.5 - 0.02 * np.cos(2 * x) * np.cos(2 * y) + 0.01 * x
    points = np.stack([0.05 * x + 1e-6, 0.05 * y + 1e-6, z], -1).astype(np.float32)
    return np.where(foreground[..., None], points, np.float32(0)), foreground


def scan_view(name: str, kind: str, shift: int) -> ScanView:
    points, foreground = part()
    truth = np.zeros((SIZE, SIZE), bool)
    truth[90 + shift : 105 + shift, 100:120] = kind != "good"
    predicted = np.roll(truth, 6, axis=1)
    rng = np.random.default_rng(shift)
    maps = rng.uniform(0, 0.3, (4, SIZE, SIZE)).astype(np.float32) + 0.7 * truth
    rgb = np.where(foreground[..., None], (200, 150, 90), (40, 44, 50)).astype(np.uint8)
    cloud = encode_cloud(points)
    parts = (encode_picture(rgb), encode_maps(maps, [(0.0, 1.0)] * 4))
    picture, tiles, masks, packed = (
        b64encode(data).decode()
        for data in (*parts, encode_masks(foreground, truth, predicted), cloud.data)
    )
    geometry = {"grid": cloud.grid, "origin": cloud.origin, "step": cloud.step}
    regions = (Region(110 + shift, 98, 7.25, 5.0, 1.25, 2.5),) if truth.any() else ()
    alarm = Alarm(112, 97 + shift, {"rgb": 0.25, "xyz": 0.75, "mtr": 0.0}, regions, len(regions))
    return ScanView(name, True, picture, tiles, masks, packed, **geometry, alarm=alarm)


def views(category: str) -> CategoryViews:
    scans = [scan_view(f"test/{kind}/{i:03d}", kind, 4 * i) for i, kind in enumerate(KINDS)]
    ranges = dict.fromkeys(("rgb", "xyz", "mtr", "anomaly"), (0.0, 1.0))
    return CategoryViews(category, ranges, 0.05, 8, "d" * 64, "5" * 64, tuple(scans))


def metrics() -> dict[str, Any]:
    """As metrics.json of a category; decisions follow SCORES."""
    rates = {"i_auroc": 0.75, "p_auroc": 0.97, "aupro_30": 0.9, "aupro_1": 0.5}
    scans = [
        {"id": f"test/{kind}/{i:03d}", "defect": kind, "score": score, "defective": score > 1}
        for i, (kind, score) in enumerate(zip(KINDS, SCORES, strict=True))
    ]
    kinds = {kind: {"n_scans": KINDS.count(kind)} | rates for kind in ("cut", HOSTILE)}
    decisions = {"threshold": THRESHOLD, "false_alarms": 1, "misses": 1}
    counts = {"n_good": 3, "n_defect": 3}
    further = {"i_ap": 0.9, "i_f1_max": 0.8, "p_ap": 0.3, "p_f1_max": 0.4, "aupro_10": 0.75}
    return (
        rates
        | further
        | counts
        | {
            "defects": kinds,
            "decisions": decisions,
            "scans": scans,
            "notes": [f"note of {HOSTILE}"],
        }
    )


def curves(categories: tuple[str, ...] = CATEGORIES) -> dict[str, list[dict[str, Any]]]:
    steps = [(0.0, 0.0), (0.1, 0.6), (0.3, 0.9), (1.0, 1.0)]
    made: dict[str, list[dict[str, Any]]] = {}
    for name, y in (("roc_object", "tpr"), ("roc_pixel", "tpr"), ("pro", "pro")):
        made[name] = [{"category": c, "fpr": a, y: b} for c in categories for a, b in steps]
    for name in ("loss_mfm", "loss_mgm"):
        made[name] = [
            {"category": c, "step": i, "loss": 2 / (i + 1)} for c in categories for i in range(400)
        ]
    return made


def params() -> Params:
    return load_params(PARAMS)


def content(categories: tuple[str, ...] = CATEGORIES, masked: bool = True) -> Content:
    """The page's content; without masks there are object metrics and no curve of pixels."""
    each = {category: metrics() for category in categories}
    drawn = curves(categories)
    if not masked:
        for values in each.values():
            for name in [one for one in values if one.startswith(("p_", "aupro_"))]:
                del values[name]
        drawn |= {"roc_pixel": [], "pro": []}
    shown = [views(category) for category in categories]
    return page_content(params(), summarise(each), each, drawn, shown, BEST, ORIGIN, rivals())


def rivals() -> tuple[RivalRow, ...]:
    counts = {"n_good": 3, "n_defect": 3, "defects": {}}
    method = RIVALS["nearest"]
    maps = {name: values | counts for name, values in method["maps"].items()}
    written = {"nearest": method | {"maps": maps}}
    return rival_table(rival_results(dict.fromkeys(CATEGORIES, written)))


def page(categories: tuple[str, ...] = CATEGORIES, masked: bool = True) -> str:
    return render_page(content(categories, masked), [views(one) for one in categories])


def page_without_views() -> str:
    each = {category: metrics() for category in CATEGORIES}
    bare = [replace(views(category), scans=(), ranges={}) for category in CATEGORIES]
    return render_page(page_content(params(), summarise(each), each, curves(), bare), bare)
