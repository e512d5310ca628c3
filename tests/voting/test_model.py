"""VM: equation 6 literally, the published one-class SVM (golden 08), and the decision threshold."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from mentor3ad.params.schema import Voting
from mentor3ad.plumbing.errors import CacheError, NoDecisionError, TrainingError
from mentor3ad.voting.model import (
    VotingModel,
    decision_threshold,
    fit_ocsvm,
    fit_voting,
    object_score,
)

SIZE = 40
LEVELS = [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 2.0]]


@pytest.fixture(scope="module")
def options(params) -> Voting:
    return params.voting.model_copy(
        update={
            "rule": "paper",
            "maps": ["rgb", "xyz", "mtr"],
            "weights": [1.0, 1.0, 1.0],
            "levels": LEVELS,
            "smoothing": [5, 3],
            "ocsvm": "none",
            "nu": 0.5,
            "target_fpr": 0.2,
        }
    )


def score_maps(seed: int, defect: bool = False) -> np.ndarray:
    """Three maps of a disc of good scores, and with a defect a square of high ones."""
    rng = np.random.default_rng(seed)
    maps = rng.gamma(2.0, [[[0.02]], [[0.05]], [[0.01]]], (3, SIZE, SIZE))
    if defect:
        maps[:, 15:20, 15:20] *= 6
    y, x = np.mgrid[:SIZE, :SIZE]
    inside = (y - SIZE / 2) ** 2 + (x - SIZE / 2) ** 2 < 15**2
    return (maps * inside).astype(np.float32)


TRAIN = [score_maps(seed) for seed in range(4)]
HELD_OUT = [score_maps(seed) for seed in range(10, 16)]
DEFECT = score_maps(20, defect=True)


def fit(options: Voting, **values: object) -> VotingModel:
    return fit_voting(TRAIN, HELD_OUT, options.model_copy(update=values))


@pytest.fixture(params=["paper", "calibrated", "trusted"])
def rule(request) -> str:
    return request.param


def equation_6(maps: np.ndarray, levels: list[list[float]], sides: list[int]) -> np.ndarray:
    """S_All, f being box means, by tensors and a loop."""
    total = torch.ones(SIZE, SIZE, dtype=torch.float64)
    rgb, xyz, mtr = torch.from_numpy(maps).double()
    for a, b, c in levels:
        blurred = (rgb**a * xyz**b * mtr**c)[None]
        for side in sides:
            blurred = F.avg_pool2d(blurred, side, 1, side // 2)
        total *= blurred[0]
    return total.numpy()


@pytest.mark.parametrize("levels", [LEVELS, LEVELS[:1], [[2.0, 0.0, 1.0]]])
def test_paper_rule_is_equation_6_up_to_one_factor(options, levels):
    anomaly = fit(options, levels=levels).anomaly_map(DEFECT)
    expected = equation_6(DEFECT, levels, [5, 3])
    assert_allclose(anomaly / anomaly.mean(), expected / expected.mean(), rtol=2e-6)


def test_paper_rule_has_no_weights(options):
    assert fit(options, weights=[3.0, 7.0, 0.5]) == fit(options)


def test_the_factor_is_the_same_for_all_scans(options):
    """Scores of two scans can be compared."""
    model = fit(options)
    one, two = (model.anomaly_map(maps).sum() for maps in (DEFECT, HELD_OUT[0]))
    first, second = (equation_6(maps, LEVELS, [5, 3]).sum() for maps in (DEFECT, HELD_OUT[0]))
    assert one / two == pytest.approx(first / second, rel=1e-6)


def test_calibrated_rule_is_the_norm_of_what_exceeds_the_normal(options):
    weights = {2: 0.5, 0: 3.0}  # by the map, whatever the order and number of those joined
    values = {"rule": "calibrated", "maps": ["mtr", "rgb"], "weights": [3.0, 7.0, 0.5]}
    model = fit(options, **values, smoothing=[])
    foreground = DEFECT.any(axis=0)
    expected = np.zeros(int(foreground.sum()))
    for channel in (2, 0):
        good = [m[channel][m.any(axis=0)].astype(np.float64) for m in HELD_OUT]
        mean = np.concatenate(good).mean()
        worst = np.median([scan.max() for scan in good])
        excess = np.maximum(DEFECT[channel][foreground] - mean, 0) / (worst - mean)
        expected += (weights[channel] * excess) ** 2
    assert_allclose(model.anomaly_map(DEFECT)[foreground], expected**0.5, rtol=1e-5)


def test_a_map_that_is_noisy_on_good_parts_counts_for_less(options):
    """Outliers on good parts: a standard deviation would hardly see them, the worst pixel does."""
    loud = [m.copy() for m in HELD_OUT]
    for m in loud:
        m[0, 18, 18] *= 50
    quiet = fit_voting(TRAIN, HELD_OUT, options.model_copy(update={"rule": "calibrated"}))
    model = fit_voting(TRAIN, loud, options.model_copy(update={"rule": "calibrated"}))
    assert model.scale[0] > 3 * quiet.scale[0]
    assert model.scale[1:] == quiet.scale[1:]


@pytest.mark.parametrize("ocsvm", ["none", "product", "maps"])
def test_anomaly_map_ends_where_the_boxes_end_and_is_never_below_zero(options, rule, ocsvm):
    """5 and 3 reach three pixels past the part: noise on the table would count as its pixels."""
    anomaly = fit(options, rule=rule, ocsvm=ocsvm).anomaly_map(DEFECT)
    reach = ndimage.binary_dilation(DEFECT.any(axis=0), np.ones((7, 7), bool))
    assert not anomaly[~reach].any()
    assert (anomaly >= 0).all()
    assert anomaly.dtype == np.float32


def test_object_score_is_the_maximum_over_the_foreground_alone():
    """A hole beside the part may be brighter than it."""
    anomaly, foreground = np.arange(12, dtype=np.float32).reshape(3, 4), np.zeros((3, 4), bool)
    foreground[0, 1] = foreground[1, 2] = True
    assert object_score(anomaly, foreground) == 6.0


@pytest.mark.parametrize("ocsvm", ["none", "product", "maps"])
def test_a_defect_scores_above_the_threshold_and_is_found_where_it_is(options, rule, ocsvm):
    model = fit(options, rule=rule, ocsvm=ocsvm)
    anomaly = model.anomaly_map(DEFECT)
    assert object_score(anomaly, DEFECT.any(axis=0)) > model.threshold
    assert all(13 <= i < 22 for i in np.unravel_index(anomaly.argmax(), anomaly.shape))


def test_svm_of_the_product_changes_no_ranking(options, rule):
    """One weight above 0 on a scalar: equation 8 moves the threshold with the scores."""
    plain, svm = (fit(options, rule=rule, ocsvm=ocsvm) for ocsvm in ("none", "product"))
    assert len(svm.coefficients) == 1
    weight = svm.coefficients[0]
    assert weight > 0
    assert_allclose(svm.anomaly_map(DEFECT), plain.anomaly_map(DEFECT) * weight, rtol=1e-6)
    assert svm.threshold == pytest.approx(plain.threshold * weight, rel=1e-6)


def test_statistics_come_from_training_in_the_paper_and_from_held_out_scans_here(options):
    """On scans that MGM was trained on its errors are too small to be a scale for new ones."""
    doubled = [2 * maps for maps in TRAIN]
    for rule, ratio in (("paper", 2.0), ("calibrated", 1.0)):
        one, two = (
            fit_voting(
                scans, HELD_OUT, options.model_copy(update={"rule": rule, "levels": LEVELS[1:2]})
            )
            for scans in (TRAIN, doubled)
        )
        assert two.scale[0] == pytest.approx(one.scale[0] * ratio, rel=1e-6)


def test_threshold_is_that_of_the_held_out_scans_each_by_a_rule_that_did_not_see_it(options, rule):
    model = fit(options, rule=rule)
    scores = []
    for i, maps in enumerate(HELD_OUT):
        others = [other for j, other in enumerate(HELD_OUT) if j != i or rule == "paper"]
        without = fit_voting(TRAIN, others, options.model_copy(update={"rule": rule}))
        scores.append(object_score(without.anomaly_map(maps), maps.any(axis=0)))
    assert model.threshold == decision_threshold(scores, 0.2)
    assert model.held_out_scores == tuple(sorted(scores))
    assert model.calibration_scans == len(HELD_OUT)


@pytest.mark.parametrize("case", ["two_detect", "two_seg", "three_detect", "three_seg"])
def test_one_class_svm_is_the_reference(golden, case):
    arrays = golden("08_ocsvm/ocsvm.npz")
    weights = fit_ocsvm(arrays[f"{case}_train"].astype(np.float64), nu=0.5)
    assert_allclose(weights, arrays[f"{case}_coef"], rtol=0, atol=1e-9)
    scores = arrays[f"{case}_test"].astype(np.float64) @ weights
    assert_allclose(scores, arrays[f"{case}_score_samples"], rtol=0, atol=1e-9)


targets = st.fractions(Fraction(1, 100), Fraction(1, 2), max_denominator=100)


@given(st.integers(1, 60), targets)
@settings(max_examples=100)
def test_a_new_good_scan_exceeds_the_threshold_at_most_as_often_as_promised(n, target):
    """Exact: of n + 1 exchangeable scans each is the new one equally often."""
    scores = np.random.default_rng(n).permutation(n + 1).astype(float)
    exceeded = sum(
        scores[i] > decision_threshold(np.delete(scores, i), float(target)) for i in range(n + 1)
    )
    promised = target if (n + 1) * target >= 1 else Fraction(1, n + 1)
    assert Fraction(int(exceeded), n + 1) <= promised


@given(st.integers(1, 120), targets)
@settings(max_examples=200)
def test_threshold_is_no_higher_than_the_promise_asks_for(n, target):
    """By exact fractions: a rank off by one from 1 - 0.1 in floating point costs defects."""
    rank = min(math.ceil((n + 1) * (1 - target)), n)
    assert decision_threshold(list(range(1, n + 1)), float(target)) == rank


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), targets, targets)
@settings(max_examples=50)
def test_threshold_falls_as_the_target_grows(scores, one, two):
    low, high = sorted((float(one), float(two)))
    assert decision_threshold(scores, low) >= decision_threshold(scores, high)


def test_no_held_out_scan_is_a_sentence(options):
    with pytest.raises(TrainingError, match="no held-out good scan"):
        fit_voting(TRAIN, [], options)


def test_scores_without_spread_are_a_sentence(options, rule):
    flat = [np.ones((3, SIZE, SIZE), np.float32)] * 2
    with pytest.raises(TrainingError, match="no spread"):
        fit_voting(flat, flat, options.model_copy(update={"rule": rule, "smoothing": []}))


def test_model_comes_back_from_its_file(options, rule, tmp_path):
    model = fit(options, rule=rule, ocsvm="maps")
    model.save(tmp_path / "model.json")
    loaded = VotingModel.load(tmp_path / "model.json")
    assert loaded == model
    assert_array_equal(loaded.anomaly_map(DEFECT), model.anomaly_map(DEFECT))


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_file_that_is_no_model_is_a_sentence(tmp_path, content):
    path = tmp_path / "model.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CacheError, match=r"model\.json: no voting model"):
        VotingModel.load(path)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"rule": "kind"}, "rule"),
        ({"maps": ["rgb", "smell"]}, "maps"),
        ({"levels": [[1.0, 1.0, 1e9]]}, "levels"),
        ({"smoothing": [4]}, "smoothing"),
        ({"smoothing": [0]}, "smoothing"),
        ({"smoothing": [65]}, "smoothing"),
        ({"centre": [0.0]}, "centre has 1 numbers, not 4"),
        ({"scale": [1.0, 1.0, 1.0, 0.0]}, "scale"),
        ({"ocsvm": "maps"}, "coefficients has 0 numbers, not 4"),
        ({"coefficients": [1.0]}, "coefficients has 1 numbers, not 0"),
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": 1e39}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"target_fpr": 1.0}, "target_fpr"),
        ({"calibration_scans": 0}, "calibration_scans"),
        ({"rule": "trusted"}, "trust is there with the rule trusted"),
        ({"trust": {"means": [1.0], "exponents": [1.0], "reach": 0}}, "trust"),
        ({"trust": {"means": [0.0], "exponents": [1.0], "reach": 0}}, "trust"),
        ({"more": 1}, "more"),
    ],
)
def test_numbers_out_of_range_or_that_do_not_fit_are_refused(
    options: Voting, tmp_path, values, key: str
) -> None:
    path = tmp_path / "voting.json"
    fit_voting(TRAIN, HELD_OUT, options).save(path)
    VotingModel.load(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    with pytest.raises(CacheError, match=key) as error:
        VotingModel.load(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_that_is_not_finite_is_no_decision(options: Voting, bad: float) -> None:
    model = fit_voting(TRAIN, HELD_OUT, options)
    maps = DEFECT.copy()
    maps[2, 20, 20] = bad
    with pytest.raises(NoDecisionError, match="no decision: 1 value of its score maps is NaN"):
        model.anomaly_map(maps)
