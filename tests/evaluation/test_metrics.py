"""evaluate(): each field holds the metric of its name, and a missing one is None."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mentor3ad.dataset import scan
from mentor3ad.evaluation import metrics
from mentor3ad.evaluation.aupro import aupro, aupro_99, pro_curve
from mentor3ad.evaluation.metrics import LIMITS, CategoryMetrics, mean_metrics, rank_scans
from mentor3ad.evaluation.pixels import rank_pixels
from mentor3ad.evaluation.ranking import rank
from mentor3ad.plumbing.errors import DataError
from tests.evaluated import evaluate

KINDS = ["good", "good", "crack", "hole", "crack", "good", "hole", "bump"]
FIELDS = [
    "i_auroc",
    "i_ap",
    "i_f1_max",
    "i_f1_threshold",
    "p_auroc",
    "p_ap",
    "p_f1_max",
    "p_f1_threshold",
    "aupro_30",
    "aupro_10",
    "aupro_5",
    "aupro_1",
    "aupro_30_99",
    "aupro_1_99",
    "n_good",
    "n_defect",
    "defects",
]


def scans(kinds=KINDS, seed=0):
    """Noise maps with a raised patch on defects: maps, masks, object scores, labels, kinds."""
    rng = np.random.default_rng(seed)
    labels = np.array([kind != "good" for kind in kinds])
    masks = np.zeros((len(kinds), 24, 24), dtype=np.uint8)
    masks[labels, 5:9, 6:12] = 1
    maps = (rng.standard_normal(masks.shape) + 1.5 * masks).astype(np.float32)
    return maps, masks, maps.max(axis=(1, 2)), labels.astype(int), list(kinds)


def test_every_field_holds_the_metric_of_its_name():
    maps, masks, scores, labels, kinds = scans()
    got = evaluate(maps, masks, scores, labels, kinds).to_json()
    pixels = rank_pixels(maps, masks)
    wanted = dict(zip(FIELDS[8:12], aupro(pro_curve(pixels), LIMITS), strict=True))
    wanted |= {
        "i_auroc": rank(labels, scores).auroc(),
        "i_ap": rank(labels, scores).average_precision(),
    }
    wanted |= dict(zip(("i_f1_max", "i_f1_threshold"), rank(labels, scores).f1_max(), strict=True))
    wanted |= {"p_auroc": rank(masks, maps).auroc(), "p_ap": rank(masks, maps).average_precision()}
    wanted |= dict(zip(("p_f1_max", "p_f1_threshold"), rank(masks, maps).f1_max(), strict=True))
    wanted |= dict(zip(FIELDS[12:14], aupro_99(pixels, (0.3, 0.01)), strict=True))
    assert {name: got[name] for name in wanted} == wanted
    assert (got["n_good"], got["n_defect"]) == (3, 5)


@pytest.mark.parametrize("seed", range(3))
def test_pixels_counted_once_for_all_kinds_rank_as_each_kinds_alone(seed):
    maps, masks, scores, labels, kinds = scans(seed=seed)
    maps = np.round(maps, 1)  # ties
    maps[:, :10] = 0
    found = rank_scans(maps, masks, scores, labels, kinds)
    for kind, pixels in {None: found.pixels, **{k: v[1] for k, v in found.kinds.items()}}.items():
        chosen = [i for i, k in enumerate(kinds) if kind is None or k in (kind, "good")]
        plain = rank_pixels(maps[chosen], masks[chosen])
        np.testing.assert_array_equal(pixels.roc.thresholds, plain.roc.thresholds)
        assert pixels.roc.n_negative == plain.roc.n_negative
        np.testing.assert_array_equal(pixels.covered, plain.covered)
        assert pixels.n_regions == plain.n_regions
        np.testing.assert_array_equal(pixels.roc.fp, plain.roc.fp)
        np.testing.assert_array_equal(pixels.roc.fp_above, plain.roc.fp_above)


def test_json_has_the_documented_names():
    assert sorted(evaluate(*scans()).to_json()) == sorted(FIELDS)


def test_json_round_trips():
    metrics = evaluate(*scans())
    assert CategoryMetrics.from_json(json.loads(json.dumps(metrics.to_json()))) == metrics


@pytest.mark.parametrize("kind", ["crack", "hole", "bump"])
def test_metrics_of_a_kind_equal_those_of_its_scans_with_the_good_ones(kind):
    maps, masks, scores, labels, kinds = scans()
    chosen = [i for i, k in enumerate(kinds) if k in (kind, "good")]
    alone = evaluate(
        maps[chosen], masks[chosen], scores[chosen], labels[chosen], [kinds[i] for i in chosen]
    ).to_json()
    got = evaluate(maps, masks, scores, labels, kinds).to_json()["defects"][kind]
    assert got == {
        "n_scans": kinds.count(kind),
        **{name: alone[name] for name in ("i_auroc", "p_auroc", "aupro_30", "aupro_1")},
    }


def test_without_masks_only_object_metrics_are_there():
    maps, _, scores, labels, kinds = scans()
    got = evaluate(maps, None, scores, labels, kinds)
    assert got.i_auroc == rank(labels, scores).auroc()
    assert [got.p_auroc, got.aupro_30_99, *got.aupro.values()] == [None] * 6
    assert got.defects["hole"].p_auroc is None


@pytest.mark.parametrize(("kinds", "empty"), [(["good"] * 3, "p_auroc"), (["hole"] * 3, "i_ap")])
def test_a_missing_class_gives_none(kinds, empty):
    got = evaluate(*scans(kinds)).to_json()
    assert (got["i_auroc"], got[empty]) == (None, None)


def test_pixel_metrics_need_no_good_scan():
    maps, masks, *rest = scans(["hole"] * 3)
    assert evaluate(maps, masks, *rest).p_auroc == rank(masks, maps).auroc()


def test_other_limits_get_names_of_their_own():
    assert list(evaluate(*scans(), limits=(0.2, 0.005)).aupro) == ["aupro_20", "aupro_0.5"]


def test_mean_skips_missing_values_and_leaves_thresholds_and_counts_out():
    full, bare = evaluate(*scans()), evaluate(*scans(["good"] * 3))
    mean = mean_metrics([full, bare, evaluate(*scans(seed=1))])
    assert_allclose(mean["i_auroc"], (full.i_auroc + evaluate(*scans(seed=1)).i_auroc) / 2)
    assert sorted(mean) == sorted(
        n for n in FIELDS if not n.startswith("n_") and "threshold" not in n and n != "defects"
    )


def padded_scans():
    """`scans` with padding of 4 rows above and below: the arguments, and what is no padding."""
    maps, masks, scores, labels, kinds = scans()
    rng = np.random.default_rng(7)
    padding = [(0, 0), (4, 4), (0, 0)]
    valid = np.pad(np.ones(maps.shape, dtype=bool), padding)
    high = np.where(valid, np.pad(maps, padding), 9 + rng.random(valid.shape)).astype(np.float32)
    return (high, np.pad(masks, padding), scores, labels, kinds), valid


def test_what_pads_a_scan_is_in_no_metric():
    arguments, valid = padded_scans()
    got, wanted = rank_scans(*arguments, valid).metrics(), evaluate(*scans())
    assert got == wanted
    assert evaluate(*arguments).p_auroc < wanted.p_auroc  # as it would count


def test_a_mark_in_the_padding_is_no_region():
    arguments, valid = padded_scans()
    arguments[1][2, 0, :] = 1
    assert rank_scans(*arguments, valid).metrics() == evaluate(*scans())


def test_the_published_protocol_has_names_of_its_own():
    """It counts padding as good pixels."""
    arguments, valid = padded_scans()
    rankings = rank_scans(*arguments, valid)
    whole = rank_pixels(arguments[0], arguments[1])
    metrics = replace(rankings, padded=whole).metrics()
    values = metrics.to_json()
    counted = evaluate(*arguments).to_json()
    names = {name for name in values if name.endswith("_padded")}
    assert {"p_auroc_padded", "aupro_30_padded", "aupro_1_99_padded"} <= names
    for name in names:
        assert values[name] == counted[name.removesuffix("_padded")]
    assert CategoryMetrics.from_json(values) == metrics


def test_the_mean_of_the_published_protocol_takes_square_scans_as_they_are():
    arguments, valid = padded_scans()
    padded = replace(
        rank_scans(*arguments, valid), padded=rank_pixels(arguments[0], arguments[1])
    ).metrics()
    square = evaluate(*scans(seed=1))
    mean = mean_metrics([padded, square])
    expected = (padded.to_json()["p_auroc_padded"] + square.p_auroc) / 2
    assert_allclose(mean["p_auroc_padded"], expected)


def test_mean_of_nothing_but_missing_values_is_none():
    assert mean_metrics([evaluate(*scans(["good"] * 2))])["p_auroc"] is None


def nan_map(s):
    s[0][1, 2, 3] = np.nan


def nan_score(s):
    s[2][0] = np.inf


def short_scores(s):
    s[2] = s[2][:-1]


def short_kinds(s):
    s[4] = s[4][:-1]


def other_masks(s):
    s[1] = s[1][:, :-1]


def wrong_label(s):
    s[3][0] = 1


def marked_good(s):
    s[1][0, 0, 0] = 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nan_map, "not finite"),
        (nan_score, "not finite"),
        (short_scores, "object scores of shape"),
        (short_kinds, "defect kinds of shape"),
        (other_masks, "masks of shape"),
        (wrong_label, "scan 0 has label 1 but kind 'good'"),
        (marked_good, "scan 0 is labelled good"),
    ],
)
def test_unusable_input_is_named(spoil, message):
    arguments = list(scans())
    spoil(arguments)
    with pytest.raises(DataError, match=message):
        evaluate(*arguments)


def test_a_good_scan_is_called_as_in_the_data_set() -> None:
    assert metrics.GOOD == scan.GOOD
