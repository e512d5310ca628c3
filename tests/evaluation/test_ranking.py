"""Ranking metrics against scikit-learn, with ties: the bug class is a tie that counts as a win."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn import metrics as sk

from mentor3ad.evaluation.curve import Curve
from mentor3ad.evaluation.ranking import rank
from mentor3ad.plumbing.errors import DataError

pair = st.tuples(st.booleans(), st.integers(-3, 3))
samples = st.lists(pair, min_size=2, max_size=40).filter(lambda s: len({p for p, _ in s}) == 2)


def split(sample):
    labels, scores = zip(*sample, strict=True)
    return np.array(labels), np.array(scores, dtype=np.float32) / 3


@given(samples)
@settings(max_examples=100, deadline=None)
def test_auroc_equals_sklearn_with_ties(sample):
    labels, scores = split(sample)
    assert_allclose(rank(labels, scores).auroc(), sk.roc_auc_score(labels, scores), atol=1e-12)


@given(samples)
@settings(max_examples=100, deadline=None)
def test_average_precision_equals_sklearn_with_ties(sample):
    labels, scores = split(sample)
    expected = sk.average_precision_score(labels, scores)
    assert_allclose(rank(labels, scores).average_precision(), expected, atol=1e-12)


@given(samples)
@settings(max_examples=100, deadline=None)
def test_f1_max_is_the_best_over_all_thresholds_and_its_threshold_reaches_it(sample):
    labels, scores = split(sample)
    best, threshold = rank(labels, scores).f1_max()
    every = [sk.f1_score(labels, scores >= t) for t in np.unique(scores)]
    assert_allclose(best, max(every), atol=1e-12)
    assert_allclose(sk.f1_score(labels, scores >= threshold), best, atol=1e-12)


@given(samples)
@settings(max_examples=50, deadline=None)
def test_roc_curve_has_the_area_of_auroc(sample):
    labels, scores = split(sample)
    fpr, tpr = rank(labels, scores).roc_curve().corners()
    assert_allclose(np.trapezoid(tpr, fpr), rank(labels, scores).auroc(), atol=1e-12)


def test_scores_of_any_shape_rank_as_their_flat_list():
    labels, scores = np.array([[0, 1], [1, 0]]), np.array([[0.1, 0.4], [0.2, 0.3]])
    assert rank(labels, scores).auroc() == 0.75


def test_thinned_curve_keeps_ends_area_and_limit():
    rng = np.random.default_rng(3)
    labels = rng.random(50_000) < 0.2
    scores = rng.standard_normal(50_000) + 2 * labels
    fpr, tpr = rank(labels, scores).roc_curve().thinned(200)
    assert len(fpr) <= 200
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert_allclose(np.trapezoid(tpr, fpr), rank(labels, scores).auroc(), atol=1e-3)


def test_a_short_curve_loses_only_its_repeated_corners():
    x, y = np.array([0.0, 0.0, 0.0, 0.5, 1.0]), np.array([0.0, 0.0, 0.5, 1.0, 1.0])
    thin = Curve.of(x, y).thinned(10)
    assert [v.tolist() for v in thin] == [[0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1, 1], [0.1, 0.2], "no negatives"),
        ([0, 0], [0.1, 0.2], "no positives"),
        ([0, 1], [0.1, np.nan], "1 of 2 scores are not finite"),
        ([0, 1, 1], [0.1, 0.2], "do not fit"),
    ],
)
def test_unusable_input_is_named(labels, scores, message):
    with pytest.raises(DataError, match=message):
        rank(labels, scores).auroc()
