"""Work by several threads comes back as if by one."""

import threading
import time

import pytest

from mentor3ad.plumbing.parallel import Once, in_threads


def test_results_keep_the_order_of_their_items_and_every_item_is_shown() -> None:
    shown: list[int] = []
    later = threading.Event()

    def square(n: int) -> int:
        if n == 0:
            later.wait(0.2)  # the first ends last
        return n * n

    def bar(items):
        for item in items:
            shown.append(item)
            yield item

    assert in_threads(square, range(20), bar) == [n * n for n in range(20)]
    assert shown == list(range(20))


def test_an_error_ends_the_work() -> None:
    done: list[int] = []

    def fail(n: int) -> None:
        done.append(n)
        if n:
            time.sleep(0.01)  # else threads may be through before the error is looked at
        raise ValueError(n)

    with pytest.raises(ValueError, match=r"^0$"):
        in_threads(fail, range(10_000))
    assert len(done) < 10_000


def test_nothing_to_do_is_done() -> None:
    assert in_threads(str, []) == []


def test_what_threads_share_is_made_once_and_not_before() -> None:
    made: list[int] = []
    shared = Once(lambda: made.append(0) or len(made))
    assert made == []
    assert in_threads(lambda _: shared(), range(20)) == [1] * 20
    assert made == [0]
