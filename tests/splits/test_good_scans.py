"""Which good scans train and which calibrate."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.dataset.manifest import ManifestRow
from mentor3ad.params.schema import Data
from mentor3ad.plumbing.errors import TrainingError
from mentor3ad.splits.good_scans import TrainingSplit, shot_order, split_good_scans
from tests.options import data


def row(split: str, stem: int, label: int = 0) -> ManifestRow:
    defect = "hole" if label else "good"
    name = f"{split}/{defect}/{stem:03d}"
    return ManifestRow(
        id=name,
        split=split,
        label=label,
        defect=defect,
        rgb=f"{name}.png",
        points=f"{name}.tiff",
        mask=None,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        prepared_sha256=hashlib.sha256(name.encode()).hexdigest(),
        height=8,
        width=8,
        n_foreground=1,
    )


def train(count: int) -> list[ManifestRow]:
    return [row("train", i) for i in range(count)]


def test_validation_scans_calibrate_where_there_are_some() -> None:
    rows = [*train(3), row("validation", 0), row("validation", 1), row("test", 0)]
    assert split_good_scans(rows, 0.5, data()) == TrainingSplit((0, 1, 2), (3, 4))


def test_defective_validation_scans_do_not() -> None:
    rows = [*train(2), row("validation", 0, label=1), row("validation", 1)]
    assert split_good_scans(rows, 0.5, data()) == TrainingSplit((0, 1), (3,))


@pytest.mark.parametrize(("wanted", "held_out"), [(0, 2), (2, 2), (4, 4), (99, 7)])
def test_a_small_validation_split_is_joined_by_at_most_a_quarter(
    wanted: int, held_out: int
) -> None:
    rows = [*train(20), row("validation", 0), row("validation", 1), row("test", 0)]
    split = split_good_scans(rows, 0.5, data(), wanted)
    assert len(split.held_out) == held_out
    assert {20, 21} <= set(split.held_out)
    assert sorted(split.train + split.held_out) == list(range(22))


def test_without_validation_the_share_alone_counts() -> None:
    assert split_good_scans(train(20), 0.2, data(), 9) == split_good_scans(train(20), 0.2, data())


def test_test_scans_are_never_used() -> None:
    rows = [row("test", 0), *train(4), row("test", 1)]
    split = split_good_scans(rows, 0.5, data())
    assert sorted(split.train + split.held_out) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("count", "share", "held_out"), [(10, 0.2, 2), (10, 0.01, 1), (2, 0.5, 1), (7, 0.2, 1)]
)
def test_without_validation_a_share_is_held_out(count: int, share: float, held_out: int) -> None:
    split = split_good_scans(train(count), share, data())
    assert len(split.held_out) == held_out
    assert sorted(split.train + split.held_out) == list(range(count))


def test_the_first_shot_trains_and_the_second_is_held_out() -> None:
    rows = train(2)
    first, second = shot_order(rows, 0)
    assert split_good_scans(rows, 0.2, data()) == TrainingSplit((first,), (second,))


@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_a_large_share_leaves_a_scan_to_train_on(share: float) -> None:
    split = split_good_scans(train(2), share, data())
    assert (len(split.train), len(split.held_out)) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([], "0 training and 0 held-out"),
        (train(1), "1 training and 0 held-out"),
        ([row("validation", 0)], "0 training and 1 held-out"),
    ],
)
def test_too_few_good_scans_are_counted(rows: list[ManifestRow], counts: str) -> None:
    with pytest.raises(TrainingError, match=f"^{counts} good scans; at least one of each"):
        split_good_scans(rows, 0.2, data())


# Views: fewer training scans


def contents(rows: list[ManifestRow], positions: tuple[int, ...]) -> set[str]:
    return {rows[i].sha256 for i in positions}


def chosen(rows: list[ManifestRow], view: Data, share: float = 0.2) -> set[str]:
    """Content of the training scans that a view uses."""
    split = split_good_scans(rows, share, view)
    used = (*split.train, *split.held_out)
    return contents(rows, tuple(i for i in used if rows[i].split == "train"))


counts = st.integers(2, 30)
seeds = st.integers(0, 5)
shares = st.floats(0.01, 0.99)


@given(counts, st.data(), seeds, shares)
def test_more_shots_keep_every_scan_in_its_part(count: int, draws, seed: int, share: float) -> None:
    """Nested, and no scan that calibrated five shots trains ten."""
    few = draws.draw(st.integers(2, count))
    small, large = (
        split_good_scans(train(count), share, data(shots=n, shots_seed=seed)) for n in (few, count)
    )
    assert set(small.train) <= set(large.train)
    assert set(small.held_out) <= set(large.held_out)
    assert len(small.train) + len(small.held_out) == few


@given(counts, st.data(), seeds, st.integers(0, 12))
def test_so_they_do_beside_a_validation_split(count: int, draws, seed: int, wanted: int) -> None:
    few = draws.draw(st.integers(2, count))
    rows = [*train(count), row("validation", 0)]
    small, large = (
        split_good_scans(rows, 0.2, data(shots=n, shots_seed=seed), wanted) for n in (few, count)
    )
    assert set(small.train) <= set(large.train)
    assert set(small.held_out) <= set(large.held_out)


@given(counts, st.data(), seeds)
def test_the_shots_with_a_validation_split_are_nested(count: int, draws, seed: int) -> None:
    few = draws.draw(st.integers(1, count))
    rows = [*train(count), row("validation", 0)]
    small, large = (
        split_good_scans(rows, 0.2, data(shots=n, shots_seed=seed)) for n in (few, count)
    )
    assert set(small.train) <= set(large.train)
    assert (len(small.train), small.held_out) == (few, (count,))


@given(st.permutations(train(12)), st.integers(2, 12), seeds)
def test_names_and_order_choose_no_shot(shuffled, shots: int, seed: int) -> None:
    view = data(shots=shots, shots_seed=seed)
    renamed = [replace(scan, id=f"train/good/z{i}") for i, scan in enumerate(shuffled)]
    for part in ("train", "held_out"):
        found = contents(renamed, getattr(split_good_scans(renamed, 0.3, view), part))
        assert found == contents(train(12), getattr(split_good_scans(train(12), 0.3, view), part))


@given(st.sets(st.integers(0, 19), min_size=2), seeds)
def test_other_scans_do_not_change_the_relative_order(kept: set[int], seed: int) -> None:
    whole = train(20)
    part = [whole[i] for i in sorted(kept)]
    order = [whole[i].sha256 for i in shot_order(whole, seed) if i in kept]
    assert [part[i].sha256 for i in shot_order(part, seed)] == order


def test_the_order_of_the_shots_is_the_same_on_every_machine() -> None:
    assert [shot_order(train(6), seed) for seed in (0, 1)] == [
        [1, 3, 0, 4, 5, 2],
        [0, 3, 2, 1, 4, 5],
    ]


def test_another_seed_chooses_other_scans() -> None:
    one, two = (chosen(train(40), data(shots=5, shots_seed=seed)) for seed in (0, 1))
    assert one != two


def test_the_limit_takes_the_first_training_scans() -> None:
    rows = [row("test", 0), *train(10), row("validation", 0)]
    assert split_good_scans(rows, 0.2, data(train_limit=3)) == TrainingSplit((1, 2, 3), (11,))


def test_a_limit_above_the_number_of_scans_is_no_limit() -> None:
    rows = [*train(3), row("validation", 0)]
    assert split_good_scans(rows, 0.2, data(train_limit=350)) == TrainingSplit((0, 1, 2), (3,))


def test_the_shots_are_taken_within_the_limit() -> None:
    rows = [*train(40), row("validation", 0)]
    split = split_good_scans(rows, 0.2, data(train_limit=6, shots=5))
    assert len(split.train) == 5
    assert max(split.train) < 6


def test_all_shots_are_all_scans() -> None:
    assert split_good_scans(train(9), 0.3, data(shots=9)) == split_good_scans(train(9), 0.3, data())


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (data(shots=5), "data.shots = 5, but there are 4 training scans; lower it"),
        (
            data(train_limit=3, shots=4),
            "data.shots = 4, but there are 3 training scans within data.train_limit = 3; lower it",
        ),
    ],
)
def test_more_shots_than_scans_are_counted(view: Data, words: str) -> None:
    with pytest.raises(TrainingError, match=f"^{words}"):
        split_good_scans([*train(4), row("validation", 0)], 0.2, view)


def test_one_shot_needs_a_validation_split() -> None:
    with pytest.raises(TrainingError, match=r"^1 training and 0 held-out .* raise data\.shots"):
        split_good_scans(train(4), 0.2, data(shots=1))
