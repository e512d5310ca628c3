"""Threads of work that falls apart into scans."""

import ctypes
import os
import platform
import time
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Thread
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mentor3ad.compute.device import MALLOC, scan_threads, select_device, to_device

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


def test_what_decides_on_bits_is_set_before_cublas_starts(params, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    select_device(params.runtime.model_copy(update={"device": "cpu"}))
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.allow_tf32


def test_a_workspace_that_is_set_stays(params, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    select_device(params.runtime.model_copy(update={"device": "cpu"}))
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to")
def test_the_c_library_takes_what_it_is_told_about_freed_memory():
    mallopt = ctypes.CDLL(None).mallopt
    assert [mallopt(option, value) for option, value in MALLOC.items()] == [1, 1, 1]


@pytest.mark.parametrize("library", [SimpleNamespace(), None])
def test_another_c_library_is_left_as_it_is(params, monkeypatch, library):
    def load(name: None) -> SimpleNamespace:
        if library is None:
            raise OSError
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert select_device(params.runtime.model_copy(update={"device": "cpu"})) == CPU


def test_freed_memory_is_kept_by_select_device(params, monkeypatch):
    told: list[tuple[int, int]] = []
    library = SimpleNamespace(mallopt=lambda *option: told.append(option))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    select_device(params.runtime.model_copy(update={"device": "cpu"}))
    assert dict(told) == MALLOC


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_an_array_arrives_on_the_device(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    array = np.arange(5)
    found = to_device(array, torch.device(device))
    assert found.device.type == device
    assert found.tolist() == array.tolist()
