"""What decides on bits and on memory is set for the whole process."""

import ctypes
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from mentor3ad.compute.process import ARENA_MAX, MALLOC, OTHER_ARENAS, configure_process
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def nondeterministic():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    yield
    torch.use_deterministic_algorithms(before, warn_only=True)


def test_what_decides_on_bits_is_set_before_cublas_starts(params, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    configure_process(params.runtime)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.allow_tf32


def test_a_workspace_that_is_set_stays(params, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    configure_process(params.runtime)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to")
def test_the_c_library_takes_what_it_is_told_about_freed_memory():
    mallopt = ctypes.CDLL(None).mallopt
    assert [mallopt(option, value) for option, value in MALLOC.items()] == [1, 1, 1]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to")
def test_many_threads_share_few_arenas():
    code = """
import ctypes, threading
from pathlib import Path
from mentor3ad.compute.process import configure_process
from mentor3ad.params.schema import load_params
runtime = load_params(Path("params.yaml")).runtime.model_copy(update={"threads": 2})
configure_process(runtime)
together = threading.Barrier(30)
def work():
    kept = bytearray(100_000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(30)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.count("Arena ") <= 2 + OTHER_ARENAS, done.stderr


@pytest.mark.parametrize("library", [SimpleNamespace(), None])
def test_another_c_library_is_left_as_it_is(params, monkeypatch, library):
    def load(name: None) -> SimpleNamespace:
        if library is None:
            raise OSError
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    configure_process(params.runtime)
    assert torch.are_deterministic_algorithms_enabled()


def test_freed_memory_is_kept(params, monkeypatch):
    told: list[tuple[int, int]] = []
    library = SimpleNamespace(mallopt=lambda *option: told.append(option))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    configure_process(params.runtime)
    arenas = torch.get_num_threads() + OTHER_ARENAS
    assert dict(told) == MALLOC | {ARENA_MAX: arenas}


def test_the_number_of_threads_is_the_params(params):
    before = torch.get_num_threads()
    try:
        configure_process(params.runtime.model_copy(update={"threads": 1}))
        assert torch.get_num_threads() == 1
        configure_process(params.runtime.model_copy(update={"threads": None}))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_torchs_compiler_is_not_imported_for_it():
    code = (
        "import sys; from pathlib import Path; "
        "from mentor3ad.compute.process import configure_process; "
        "from mentor3ad.params.schema import load_params; "
        "configure_process(load_params(Path('params.yaml')).runtime); "
        "print([name for name in sys.modules if name.startswith('torch._inductor')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
