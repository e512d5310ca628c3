"""Scans are held to what good scans of the training show."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.traits import TRAITS
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.voting.likeness import (
    LEAST_REACH,
    MARGIN,
    MEASURES,
    MISMATCH_MARGIN,
    ONE_SIDED,
    Likeness,
    fit_likeness,
    learn_likeness,
    mismatch,
    sample_of,
)
from mentor3ad.voting.words import words_of

RNG = np.random.default_rng(0)
SCANS = 40
# A part of 100 mm, 40 cm away, in a picture that is neither dark nor bright.
GOOD = dict.fromkeys(TRAITS, 0.0) | {
    "brightness": 7.0,
    "contrast": -2.0,
    "red": 0.4,
    "blue": 0.25,
    "pixels": 13.0,
    "length": np.log2(0.03),
    "width": np.log2(0.03),
    "height": np.log2(0.002),
    "z": 0.4,
}


def traits(**changed: float) -> np.ndarray:
    """The traits of a good scan, but for some."""
    return np.array([(GOOD | changed)[name] for name in TRAITS])


def score_maps(level: float = 1.0) -> np.ndarray:
    """(3, 224, 224) of a part on which every score is `level`."""
    maps = np.zeros((3, 224, 224), np.float32)
    maps[:, 50:170, 50:170] = level
    return maps


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    good = traits() + 0.001 * RNG.standard_normal((SCANS, len(TRAITS)))
    return fit_likeness(good, [0.0, 0.01, -0.01, 0.02], 0.02)


def test_a_good_scan_is_like_the_training(likeness: Likeness) -> None:
    assert likeness.why_unlike(traits(), score_maps()) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"brightness": 5.0}, "too dark"),
        ({"brightness": 7.9}, "too bright"),
        ({"overexposed": 0.2}, "overexposed"),
        ({"black": 0.5}, "too dark"),
        ({"red": 0.6}, "another colour"),
        ({"pixels": 12.0}, "smaller, cut or hidden"),
        ({"length": np.log2(0.06)}, "another part"),
        ({"x": 0.08}, "lies elsewhere than in training .x 80 mm, in training"),
        ({"z": 0.48}, "farther away .distance 480 mm, in training"),
        ({"z": 0.32}, "nearer"),
        ({"lean_y": -0.3}, "tilted"),
        ({"turn": 0.5}, "turned"),
        ({"missing": 0.3}, "points are missing .missing within its outline 30 %"),
        ({"border": 0.2}, "cut by the picture's border"),
    ],
)
def test_each_fault_has_its_sentence(
    likeness: Likeness, changed: dict[str, float], reason: str
) -> None:
    import re

    why = likeness.why_unlike(traits(**changed), score_maps())
    assert why is not None
    assert re.search(f"unlike the training: .*{reason}", why), why


def test_image_and_geometry_of_different_scenes(likeness: Likeness) -> None:
    why = likeness.why_unlike(traits(), score_maps(1.5))
    assert why is not None
    assert "image and geometry do not fit" in why


@pytest.mark.parametrize("name", ONE_SIDED)
def test_less_of_a_fault_is_none(likeness: Likeness, name: str) -> None:
    measures = np.append(traits(), 0.0)
    measures[MEASURES.index(name)] -= 5
    assert likeness.deviations(measures)[MEASURES.index(name)] < 0


def test_a_defect_changes_few_pixels_and_so_not_the_mismatch() -> None:
    maps = score_maps()
    maps[:, 60:110, 60:110] = 100  # a sixth of the part
    assert mismatch(maps) == mismatch(score_maps())


def test_the_mismatch_is_of_both_maps_and_without_a_mentor_of_one() -> None:
    maps = score_maps()
    maps[1] *= 2
    maps[2] *= 8
    assert mismatch(maps) == pytest.approx(2.0)
    maps[2] = 0
    assert mismatch(maps) == pytest.approx(1.0)


def test_the_limit_is_a_margin_over_what_good_scans_show() -> None:
    good = np.tile(traits(), (SCANS, 1))
    good[:, TRAITS.index("turn")] = np.linspace(-1, 1, SCANS)
    found = fit_likeness(good, [0.0] * 8, 0.02).ranges
    assert found["turn"].limit == pytest.approx(MARGIN * 1.0)
    assert found["skew"].limit == pytest.approx(MARGIN * LEAST_REACH["skew"])
    assert found["z"].limit == pytest.approx(MARGIN * LEAST_REACH["z"] * 0.03)
    assert found["mismatch"].limit == pytest.approx(MISMATCH_MARGIN * LEAST_REACH["mismatch"])


def test_with_many_scans_one_odd_one_does_not_set_the_limit() -> None:
    n = 4000
    good = np.tile(traits(), (n, 1))
    turn = np.linspace(-0.2, 0.2, n)
    turn[0] = 50.0
    good[:, TRAITS.index("turn")] = turn
    assert fit_likeness(good, [0.0], 0.5).ranges["turn"].limit < 0.5


def test_new_good_scans_are_called_unlike_less_often_than_the_target() -> None:
    rng = np.random.default_rng(1)
    spread = 0.2 * np.ones(len(TRAITS))
    flagged = 0
    for _ in range(20):
        known = traits() + spread * rng.standard_normal((32, len(TRAITS)))
        likeness = fit_likeness(known, rng.normal(0, 0.05, 8).tolist(), 0.02)
        new = traits() + spread * rng.standard_normal((100, len(TRAITS)))
        measures = np.column_stack([new, rng.normal(0, 0.05, 100)])
        flagged += sum(bool((likeness.deviations(one) > 1).any()) for one in measures)
    assert flagged / 2000 <= 0.02


def test_no_target_is_no_check() -> None:
    assert learn_likeness(traits()[None], [0], [0], lambda i: score_maps(), None) is None


def test_what_is_saved_is_what_is_read(likeness: Likeness, tmp_path: Path) -> None:
    path = tmp_path / "likeness.json"
    likeness.save(path)
    assert Likeness.parse(path.read_bytes(), path) == likeness


def test_the_values_of_good_scans_are_kept_as_quantiles_where_they_are_many() -> None:
    assert sample_of([3.0, 1.0, 2.0]) == (1.0, 2.0, 3.0)
    many = sample_of(np.linspace(0, 1, 1001))
    assert len(many) == 100
    assert many[0] == pytest.approx(0.005)
    assert many[-1] == pytest.approx(0.995)


def test_a_scan_that_the_limits_were_learnt_from_lies_among_the_samples() -> None:
    good = np.tile(traits(), (30, 1))
    good[:, TRAITS.index("red")] = np.linspace(0.3, 0.5, 30)
    found = fit_likeness(good, [0.0, 0.2, 0.1], 0.02).samples
    assert found["red"] == pytest.approx(np.linspace(0.3, 0.5, 30))
    assert found["mismatch"] == (0.0, 0.1, 0.2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"samples": {', '"samples": {"torn": [], '),
        ('"limit": ', '"limit": -'),
        ('"centre": ', '"centre": 1e999, "x": '),
        ('"turn"', '"torn"'),
        ('"target_fpr": 0.02', '"target_fpr": NaN'),
    ],
)
def test_a_damaged_file_is_refused(likeness: Likeness, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "likeness.json"
    likeness.save(path)
    text = path.read_text()
    assert old in text
    with pytest.raises(CacheError, match=r"likeness.json: no likeness"):
        Likeness.parse(text.replace(old, new, 1).encode(), path)


def test_what_cannot_be_compared_is_unlike(likeness: Likeness) -> None:
    broken = Likeness(likeness.ranges, 1, 1, 0.02)
    assert broken.why_unlike(traits(z=float("nan")), score_maps()) is not None


def test_every_measure_has_words() -> None:
    assert all(words_of(name).sentence(above) for name in MEASURES for above in (True, False))
