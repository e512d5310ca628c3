"""A sequence whose items are made when they are asked for."""

from mentor3ad.voting.each import Each


def test_items_are_made_each_time_and_in_no_other_order() -> None:
    made: list[int] = []

    def double(number: int) -> int:
        made.append(number)
        return 2 * number

    each = Each((5, 1, 7), double)
    assert not made
    assert (len(each), each[-1], list(each[1:]), list(each)) == (3, 14, [2, 14], [10, 2, 14])
    assert made == [7, 1, 7, 5, 1, 7]
