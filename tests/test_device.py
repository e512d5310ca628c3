"""Threads of work that falls apart into scans."""

import contextlib

import pytest
import torch

from pipeline.device import scan_threads

CPU = torch.device("cpu")


def test_on_the_cpu_each_scan_is_computed_by_one_thread():
    with scan_threads(CPU) as pool:
        seen = list(pool.map(lambda _: torch.get_num_threads(), range(8)))
    assert seen == [1] * 8


@pytest.mark.parametrize("fails", [False, True])
def test_the_number_of_threads_is_what_it_was_before(fails: bool):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError) if fails else contextlib.nullcontext(), scan_threads(CPU) as pool:
            list(pool.map(lambda divisor: 1 // divisor, [0 if fails else 1]))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_bits_do_not_depend_on_the_number_of_cores():
    generator = torch.Generator().manual_seed(0)
    left = [torch.randn(300, 700, generator=generator) for _ in range(4)]
    right = torch.randn(700, 500, generator=generator)

    def products(threads: int) -> list[torch.Tensor]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with scan_threads(CPU) as pool:
                return list(pool.map(lambda x: x @ right, left))
        finally:
            torch.set_num_threads(before)

    assert all(torch.equal(*pair) for pair in zip(products(1), products(2), strict=True))
