"""Threads of work that falls apart into scans."""

import time
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Thread

import numpy as np
import pytest
import torch

from mentor3ad.compute.device import prefers_bfloat16, resolve_precision, scan_threads, to_device

CPU = torch.device("cpu")


def test_on_the_cpu_each_scan_is_computed_by_one_thread():
    with scan_threads(CPU) as pool:
        seen = list(pool.map(lambda _: torch.get_num_threads(), range(8)))
    assert seen == [1] * 8


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_is_what_it_was_before():
    with scan_threads(CPU) as pool:
        list(pool.map(abs, [1]))
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_is_what_it_was_before_an_error():
    with pytest.raises(ZeroDivisionError), scan_threads(CPU) as pool:
        list(pool.map(lambda divisor: 1 // divisor, [0]))
    assert torch.get_num_threads() == 2


def test_callers_side_by_side_leave_the_number_of_threads_as_it_was():
    """One that began while another had set it would put back the other's number."""
    before, begun = torch.get_num_threads(), Barrier(2, timeout=0.2)

    def caller() -> None:
        with scan_threads(CPU):
            with suppress(BrokenBarrierError):
                begun.wait()  # the other one, were it let in
            time.sleep(0.01)

    torch.set_num_threads(2)
    try:
        threads = [Thread(target=caller) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert begun.broken  # they were not inside together
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


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_an_array_arrives_on_the_device(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    array = np.arange(5)
    found = to_device(array, torch.device(device))
    assert found.device.type == device
    assert found.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("amx", "bf16", "fp16", "preferred"),
    [
        (False, False, False, False),
        (False, True, False, True),  # AMD since Zen 4: twice the rate of float32
        (False, True, True, False),  # Intel behind a hypervisor that hides AMX: half of it
        (True, True, True, True),  # Intel with AMX
    ],
)
def test_bfloat16_is_taken_where_the_cpu_is_faster_at_it(monkeypatch, amx, bf16, fp16, preferred):
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: bf16)
    told = {"avx512_fp16": fp16}
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: told, raising=False)
    assert prefers_bfloat16(CPU) is preferred
    assert resolve_precision(CPU, "auto") == ("bfloat16" if preferred else "float32")
    assert resolve_precision(CPU, "bfloat16") == "bfloat16"
