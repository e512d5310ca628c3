"""Panels: the same bytes each time, background neutral, truth and decision where they belong."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mentor3ad.drawing.panels import (
    ACCEPT,
    FAINT,
    GAP,
    HEADER,
    LABEL,
    NEUTRAL,
    PREDICTED,
    REJECT,
    MapView,
    Panel,
    choose_scans,
    draw_panel,
    render_panel,
    verdict,
)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:224, :224]
    foreground = np.hypot(y - 112, x - 112) < 90
    mask = np.hypot(y - 100, x - 140) < 10
    depth = np.where(foreground, 0.5 + 1e-4 * y + 0.002 * mask, 0).astype(np.float32)
    rgb = (120 + 60 * foreground[..., None] + rng.normal(0, 4, (224, 224, 3))).astype(np.uint8)
    values = np.where(foreground, 0.1 + 0.8 * mask, 0).astype(np.float32)
    maps = tuple(MapView(name, values, 0.0, 1.0) for name in ("S_RGB", "S_XYZ", "S_Mtr"))
    anomaly = MapView("S_All", values, 0.0, 1.0)
    return Panel(
        "bagel", "test/hole/003", "hole", rgb, depth, foreground, mask, maps, anomaly, 0.9, 0.5
    )


def cell(picture, row, column):
    """(224, 224, 3) pixels of one cell."""
    x, y = GAP + column * (224 + GAP), HEADER + LABEL + row * (224 + LABEL + GAP)
    return np.asarray(picture)[y : y + 224, x : x + 224]


def test_the_same_panel_is_the_same_small_file_without_metadata(panel, tmp_path):
    for name in ("a", "b"):
        draw_panel(tmp_path / "heatmaps" / f"{name}.png", panel)
    one, two = ((tmp_path / "heatmaps" / f"{name}.png").read_bytes() for name in ("a", "b"))
    assert one == two
    assert len(one) < 150_000
    with Image.open(tmp_path / "heatmaps" / "a.png") as picture:
        assert (picture.size, picture.info) == ((936, 554), {})


@pytest.mark.parametrize("place", [(1, 0), (1, 1), (1, 2)])
def test_background_of_score_maps_is_neutral(panel, place):
    background = cell(render_panel(panel), *place)[~panel.foreground]
    assert np.unique(background, axis=0).tolist() == [list(NEUTRAL)]


def test_the_colour_range_is_the_callers(panel):
    low = replace(panel.score_maps[0], vmax=10.0)
    one, two = (
        cell(render_panel(replace(panel, score_maps=(view,))), 1, 0)[100, 140].tolist()
        for view in (panel.score_maps[0], low)
    )
    assert one != two


def test_the_outline_surrounds_the_mask_and_leaves_it_visible(panel):
    with_truth = cell(render_panel(panel), 0, 2)
    without = cell(render_panel(replace(panel, mask=None)), 0, 2)
    changed = (with_truth != without).any(axis=-1)
    assert changed.any()
    assert not changed[panel.mask].any()


def test_a_bump_is_lit_from_the_upper_left(panel):
    y, x = np.mgrid[:224, :224]
    bump = 0.02 * np.exp(-((y - 112) ** 2 + (x - 112) ** 2) / 400.0)
    depth = np.where(panel.foreground, 0.5 - bump, 0).astype(np.float32)
    relief = cell(render_panel(replace(panel, depth=depth)), 0, 1).sum(axis=-1)
    assert relief[104, 104] > relief[120, 120]


@pytest.mark.parametrize(
    ("defect", "score", "threshold", "text", "colour"),
    [
        ("hole", 0.9, 0.5, "✓ caught defect", (0, 105, 75)),
        ("hole", 0.1, 0.5, "✕ missed defect", (176, 0, 64)),
        ("good", 0.5, 0.5, "○ correctly passed", (61, 90, 128)),
        ("good", 0.6, 0.5, "! false alarm", (138, 75, 0)),
        (None, 0.9, 0.5, "called defective", REJECT),
        (None, -1.0, -2.0, "called defective", REJECT),
        (None, 0.1, 0.5, "called good", ACCEPT),
        ("hole", 0.9, None, "no decision", FAINT),
    ],
)
def test_the_badge_shows_the_decision(panel, defect, score, threshold, text, colour):
    shown = replace(panel, defect=defect, score=score, threshold=threshold)
    assert verdict(shown) == (text, colour)
    assert render_panel(shown).getpixel((936 - GAP - 3, 20)) == colour


def test_what_is_above_the_threshold_has_a_dashed_line(panel):
    values = np.zeros((224, 224), np.float32)
    values[100:120, 60:90] = values[:4, :4] = 1  # the second is background
    anomaly = replace(panel.anomaly, values=values)
    seen = cell(render_panel(replace(panel, anomaly=anomaly, mask=None, threshold=0.5)), 0, 3)
    yellow = (seen == PREDICTED).all(axis=-1)
    around = np.zeros((224, 224), bool)
    around[99:121, 59:91] = True
    around[100:120, 60:90] = False
    assert not yellow[~around].any()
    assert 0.4 < yellow[around].mean() < 0.6


def test_an_empty_scan_can_still_be_drawn(panel):
    none = np.zeros((224, 224), dtype=bool)
    empty = replace(panel, foreground=none, mask=none, depth=np.zeros((224, 224), np.float32))
    assert np.unique(cell(render_panel(empty), 0, 1)).tolist() == [NEUTRAL[0]]


def test_a_long_name_is_cut_before_the_badge(panel):
    short, long = (render_panel(replace(panel, scan_id="i" * n)) for n in (200, 400))
    assert np.array_equal(np.asarray(short), np.asarray(long))


SCORES = [0.1, 0.3, 0.2, 0.9, 0.8, 0.7, 0.15, 0.4]
DEFECTS = ["good", "good", "good", "hole", "hole", "hole", "crack", "good"]
LABELS = [int(d != "good") for d in DEFECTS]


def test_chosen_scans_are_typical_then_misses_and_false_alarms_in_turn():
    # Typical: good 2, crack 6, hole 4. Then miss 6 (chosen already), alarm 7, miss 5, alarm 1.
    assert choose_scans(SCORES, LABELS, DEFECTS, 6) == [2, 6, 4, 7, 5, 1]


def test_chosen_scans_have_no_repeats_and_end_with_the_scans():
    chosen = choose_scans(SCORES, LABELS, DEFECTS, 100)
    assert sorted(chosen) == list(range(8))


def test_equal_scores_are_chosen_by_index():
    assert choose_scans([1.0] * 3, [0, 0, 1], ["good", "good", "hole"], 3) == [0, 2, 1]


def test_good_scans_alone_can_be_chosen():
    assert choose_scans([0.3, 0.1], [0, 0], ["good", "good"], 1) == [1]
