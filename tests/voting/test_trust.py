"""The trusted rule: exponents and the outline's treatment come from held-out good scans alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mentor3ad.params.schema import Voting
from mentor3ad.plumbing.errors import ConfigError, TrainingError
from mentor3ad.voting.model import VotingModel, fit_voting
from mentor3ad.voting.smoothing import box_means, filled_means
from mentor3ad.voting.trust import POWER, REACH, fit_trust

SIZE, SIDES = 48, (5, 5)
Y, X = np.mgrid[:SIZE, :SIZE]
PART = (Y - SIZE / 2) ** 2 + (X - SIZE / 2) ** 2 < 18**2
RIM = PART & ((Y - SIZE / 2) ** 2 + (X - SIZE / 2) ** 2 > 16**2)


def good_scan(seed: int, loud: float = 1.0, rim: float = 1.0, maps: int = 3) -> np.ndarray:
    """Maps of a disc; outliers of the first are `loud` times as high, and its rim `rim` times."""
    rng = np.random.default_rng(seed)
    scan = rng.gamma(4.0, 0.02, (maps, SIZE, SIZE))
    scan[0, 24 + seed % 5, 24] *= 3 * loud
    scan[:, RIM] *= rim
    return (scan * PART).astype(np.float32)


def trust_of(**values: float):
    scans = [good_scan(seed, **values) for seed in range(6)]
    return fit_trust(scans, [PART] * 6, SIDES)


def test_alike_maps_give_the_plain_product():
    scans = [np.repeat(good_scan(seed)[1:2], 3, axis=0) for seed in range(6)]
    trust = fit_trust(scans, [PART] * 6, SIDES)
    assert trust.exponents == pytest.approx([1.0, 1.0, 1.0])
    assert_allclose(trust.means, np.mean([s[0][PART].mean() for s in scans]), rtol=1e-6)


def test_a_map_with_a_long_tail_counts_for_less():
    calm, loud = trust_of(), trust_of(loud=30.0)
    assert loud.exponents[0] < calm.exponents[0] / 3
    assert np.mean(loud.exponents) == pytest.approx(1.0)


def test_exponents_are_tails_to_a_power():
    """By hand: the median over scans of the largest smoothed score, over the mean one."""
    scans = [good_scan(seed) for seed in range(6)]
    smooth = [filled_means(scan, PART, SIDES, REACH)[:, PART] for scan in scans]
    worst = np.median([values.max(axis=1) for values in smooth], axis=0)
    tails = np.log(worst / np.mean([values.mean(axis=1) for values in smooth], axis=0))
    expected = tails**-POWER / np.mean(tails**-POWER)
    assert_allclose(trust_of().exponents, expected, rtol=1e-6)


def test_the_outline_counts_only_where_good_parts_are_calm_there():
    assert trust_of(rim=0.6).reach == REACH
    assert trust_of(rim=4.0).reach == 0


def test_the_product_is_of_the_maps_over_their_means():
    trust = trust_of()
    scan = good_scan(9)
    *_, product = trust.members(scan, PART, ())
    ratios = scan[:, PART].astype(np.float64) / np.array(trust.means)[:, None]
    expected = np.prod(ratios ** np.array(trust.exponents)[:, None], axis=0)
    assert_allclose(product[PART], expected, rtol=1e-6)


def test_filled_means_see_no_background():
    """An even score stays even up to the outline and over a hole; box means fade there."""
    known = PART.copy()
    known[22:25, 22:25] = False
    maps = np.stack([np.where(known, 2.0, 99.0), np.where(known, 5.0, 0.0)])
    filled = filled_means(maps, known, SIDES, 4.0)
    assert_allclose(filled[0][PART], 2.0, rtol=1e-9)
    assert_allclose(filled[1][PART], 5.0, rtol=1e-9)
    assert not filled[:, 0, 0].any()
    assert box_means(maps[1] * known, SIDES)[RIM].max() < 5.0
    assert not filled_means(maps, np.zeros_like(known), SIDES, 4.0).any()


def options(params, **values: object) -> Voting:
    chosen = {"rule": "trusted", "weights": [1.0, 1.0, 1.0], "smoothing": list(SIDES)}
    return params.voting.model_copy(update=chosen | values)


def fitted(params, **values: object) -> VotingModel:
    scans = [good_scan(seed, maps=4) for seed in range(8)]
    return fit_voting(scans[:2], scans[2:], options(params, **values))


def test_the_rule_is_the_calibrated_norm_of_maps_and_product(params):
    names = ["rgb", "xyz", "mtr", "near_xyz"]
    model = fitted(params, maps=names)
    assert model.trust is not None
    assert model.trust.reach == 0
    defect = good_scan(20, maps=4)
    defect[:, 20:24, 30:34] *= 3
    members = model.trust.members(defect, PART, SIDES)
    centre, scale = (np.reshape(values, (-1, 1, 1)) for values in (model.centre, model.scale))
    excess = np.maximum((members - centre) / scale, 0)
    assert_allclose(model.anomaly_map(defect), np.sqrt((excess**2).sum(axis=0)), rtol=1e-5)
    assert model.anomaly_map(defect)[20:24, 30:34].min() > 1


def test_a_map_that_scans_lack_is_a_sentence(params):
    with pytest.raises(ConfigError, match=r"names near_xyz.*model\.memory\.rows"):
        fit_voting([good_scan(0)], [good_scan(1)], options(params, maps=["rgb", "near_xyz"]))
    scans = [good_scan(0, maps=4), good_scan(1, maps=4)]
    without = options(params, rule="calibrated", maps=["near_rgb"])
    with pytest.raises(ConfigError, match=r"names near_rgb.*model\.memory\.rgb"):
        fit_voting(scans[:1], scans[1:], without)


def test_the_paper_rule_does_not_see_a_memory(params):
    scans = [good_scan(seed, maps=4) for seed in range(4)]
    paper = options(params, rule="paper")
    with_memory = fit_voting(scans[:2], scans[2:], paper)
    without = fit_voting([s[:3] for s in scans[:2]], [s[:3] for s in scans[2:]], paper)
    assert_allclose(with_memory.anomaly_map(scans[3]), without.anomaly_map(scans[3][:3]))


def test_a_constant_map_is_a_sentence():
    with pytest.raises(TrainingError, match="no spread"):
        fit_trust([np.ones((2, SIZE, SIZE), np.float32)] * 2, [PART] * 2, ())
