"""Series of generated scans: what drifts is called before it costs good parts, what stands is not.

The traits are those of the demo's scans through the product's own functions, small ones; scores and
mismatch, which need the networks, are drawn. `python -m bench.drift series` takes all from a model.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.drift import DAY_S, FAULTS, HOUR_S, Decider, Made, Pair, alarms_of, doubled, fresh_scans
from mentor3ad.dataset.scan import RawScan
from mentor3ad.drift.reference import SCORE, Known, Reference
from mentor3ad.params.schema import load_params
from mentor3ad.preparation.prepare import prepare_raw
from mentor3ad.preparation.traits import scan_traits
from mentor3ad.voting.likeness import Likeness, fit_likeness
from tests.paths import ROOT

SIZE, LEARNT, SHOWN, MEASURED = 128, 16, 16, 3
OPTIONS = load_params(ROOT / "params.yaml").data.preparation


def traits_of(scan: Pair) -> NDArray[np.float64]:
    prepared = prepare_raw(RawScan(scan[0], scan[1], None), OPTIONS, "made")
    return scan_traits(prepared.rgb, prepared.points)


@pytest.fixture(scope="module")
def scans() -> list[Pair]:
    return fresh_scans("biscuit", SIZE, LEARNT + SHOWN)


@pytest.fixture(scope="module")
def traits(scans: list[Pair]) -> NDArray[np.float64]:
    return np.array([traits_of(scan) for scan in scans])


def drawn(count: int, seed: int) -> NDArray[np.float64]:
    """(count, 2) mismatch and score of sound scans."""
    return np.random.default_rng(seed).normal((-2.0, 1.5), (0.05, 0.2), (count, 2))


@pytest.fixture(scope="module")
def likeness(traits: NDArray[np.float64]) -> Likeness:
    return fit_likeness(traits[:LEARNT], drawn(LEARNT, 0)[:, 0].tolist(), 0.02)


@pytest.fixture(scope="module")
def reference(likeness: Likeness) -> Reference:
    """Of the charts that these faults can move, and one that they do not."""
    length = 2 ** likeness.ranges["length"].centre
    blurs = {"brightness": 0.05, "x": 0.04 * length, "z": 0.04 * length}
    charts = {
        name: Known(likeness.samples[name], LEARNT, blur, False) for name, blur in blurs.items()
    }
    scores = tuple(sorted(drawn(LEARNT, 0)[:, 1].tolist()))
    return Reference({**charts, SCORE: Known(scores, LEARNT, 0.01, False)})


@pytest.fixture(scope="module")
def pool(traits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([traits[LEARNT:], drawn(SHOWN, 1)])


@pytest.mark.parametrize("name", FAULTS)
def test_it_is_called_before_the_false_alarms_double(
    name: str,
    scans: list[Pair],
    traits: NDArray[np.float64],
    likeness: Likeness,
    reference: Reference,
    pool: NDArray[np.float64],
) -> None:
    fault, decider = FAULTS[name], Decider(likeness, 2.2)
    chosen = scans[LEARNT : LEARNT + MEASURED]
    before = traits[LEARNT : LEARNT + MEASURED]
    levels = fault.levels[::2]
    shifts = [np.median(_moved(chosen, fault.at(one)) - before, axis=0) for one in levels]
    made = Made(pool, levels, np.column_stack([shifts, np.zeros((len(levels), 2))]))
    twice = doubled(made, fault, decider, 1 / SHOWN)
    assert twice < 60 * DAY_S  # it does cost good parts one day
    for seed in range(2):
        alarms = alarms_of(made, reference, decider, twice, fault.pace, seed, stop=True)
        assert alarms, (seed, twice / HOUR_S)


def _moved(scans: list[Pair], fault: Callable[[Pair], Pair]) -> NDArray[np.float64]:
    return np.array([traits_of(fault(scan)) for scan in scans])


def test_a_stable_month_has_at_most_one_alarm(
    likeness: Likeness, reference: Reference, pool: NDArray[np.float64]
) -> None:
    sound = Made(pool, (0.0,), np.zeros((1, pool.shape[1])))
    for seed in range(2):
        found = alarms_of(sound, reference, Decider(likeness, 2.2), 30 * DAY_S, 0.0, seed, False)
        assert len(found) <= 1, found
