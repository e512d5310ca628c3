"""Items that are read by pieces are those of a plain sequence."""

import pytest

from mentor3ad.plumbing.pieces import InPieces, repeated

ITEMS = "abcdefg"
PIECES = ["ab", "", "cde", "fg"]


def test_items_are_read_by_the_pieces_that_hold_them() -> None:
    read: list[int] = []
    items = InPieces([len(p) for p in PIECES], lambda n: read.append(n) or PIECES[n])
    assert [items[i] for i in (0, 1, 5, 6, -1)] == list("abfgg")
    assert read == [0, 3]
    assert items[2:6:2] == ("c", "e")
    assert items == list(ITEMS)
    assert items != list(ITEMS[:-1])
    with pytest.raises(IndexError):
        items[7]


def test_the_first_name_that_is_there_twice() -> None:
    assert repeated(lambda: ITEMS) is None
    assert repeated(lambda: "xaybzby") == "y"
