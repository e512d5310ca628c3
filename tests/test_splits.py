"""Which good scans train and which calibrate."""

import hashlib

import pytest

from pipeline.data.manifest import ManifestRow
from pipeline.errors import TrainingError
from pipeline.splits import Split, split_good_scans


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
        height=8,
        width=8,
        n_foreground=1,
    )


def train(count: int) -> list[ManifestRow]:
    return [row("train", i) for i in range(count)]


def test_validation_scans_calibrate_where_there_are_some() -> None:
    rows = [*train(3), row("validation", 0), row("validation", 1), row("test", 0)]
    assert split_good_scans(rows, 0.5) == Split((0, 1, 2), (3, 4))


def test_defective_validation_scans_do_not() -> None:
    rows = [*train(2), row("validation", 0, label=1), row("validation", 1)]
    assert split_good_scans(rows, 0.5) == Split((0, 1), (3,))


def test_test_scans_are_never_used() -> None:
    rows = [row("test", 0), *train(4), row("test", 1)]
    split = split_good_scans(rows, 0.5)
    assert sorted(split.train + split.held_out) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("count", "share", "held_out"), [(10, 0.2, 2), (10, 0.01, 1), (2, 0.5, 1), (7, 0.2, 1)]
)
def test_without_validation_a_share_is_held_out(count: int, share: float, held_out: int) -> None:
    split = split_good_scans(train(count), share)
    assert len(split.held_out) == held_out
    assert sorted(split.train + split.held_out) == list(range(count))


def test_the_held_out_scans_are_those_of_the_smallest_hash() -> None:
    rows = train(10)
    by_hash = sorted(range(10), key=lambda i: rows[i].sha256)
    assert split_good_scans(rows, 0.3).held_out == tuple(sorted(by_hash[:3]))


def test_the_order_of_the_scans_changes_nothing() -> None:
    rows = train(10)
    other = rows[::-1]
    chosen = {rows[i].id for i in split_good_scans(rows, 0.3).held_out}
    assert {other[i].id for i in split_good_scans(other, 0.3).held_out} == chosen


@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_a_large_share_leaves_a_scan_to_train_on(share: float) -> None:
    split = split_good_scans(train(2), share)
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
        split_good_scans(rows, 0.2)
