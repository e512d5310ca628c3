"""The map by threads: its order, how far it runs ahead, and the error of an item."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mentor3ad.plumbing.parallel import ahead


@pytest.mark.parametrize("count", [0, 1, 5, 20])
def test_results_are_in_order(count: int) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert list(ahead(pool, count, lambda n: n * n, range(10))) == [n * n for n in range(10)]


def test_no_more_are_begun_than_said() -> None:
    taken = []

    def items() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    with ThreadPoolExecutor(1) as pool:
        results = ahead(pool, 2, str, items())
        assert taken == []
        assert [next(results), next(results)] == ["0", "1"]
        assert taken == [0, 1, 2, 3]


def test_an_error_comes_in_its_place() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = ahead(pool, 3, lambda n: 1 // n, [1, 0, 1])
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)
