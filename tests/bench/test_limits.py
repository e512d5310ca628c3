"""A limit is the best of all forms and shapes, and no step is said to reach more of it."""

import json

import pytest
import torch

from bench import limits
from bench.limits import Limits, Product, best_product
from bench.machine import theory
from bench.run import RESULTS

CPU = torch.device("cpu")
# GFLOP/s of a machine with AVX-512 and bfloat16: one large product by torch, the best of all forms,
# and what extraction reached there.
ONE_PRODUCT, EXTRACTION = 153e9, 171e9


def of(rate: float, shapes=limits.QUICK_SHAPES) -> Limits:
    keys = [(dtype, torch.get_num_threads()) for dtype in ("float32", "bfloat16")]
    return Limits({key: Product(rate) for key in keys}, {1: 1e10}, 1e8, 1e8, shapes)


def found_again(monkeypatch, rate: float) -> None:
    keys = [(dtype, torch.get_num_threads()) for dtype in ("float32", "bfloat16")]
    again = [(key, Product(rate, "packed")) for key in keys]
    monkeypatch.setattr(limits, "_products", lambda shapes, device: iter(again))


def test_a_step_that_beats_the_limit_has_it_looked_for_again(monkeypatch):
    slow = of(ONE_PRODUCT)
    found_again(monkeypatch, 190e9)
    figures = slow.heavy(EXTRACTION, 1.0, "float32", CPU)
    assert figures["share_of_limit"] == pytest.approx(0.9)
    assert slow.gemm["float32", torch.get_num_threads()].form == "packed"


def test_a_step_that_still_beats_it_has_no_share(monkeypatch):
    found_again(monkeypatch, 160e9)
    assert of(ONE_PRODUCT).heavy(EXTRACTION, 1.0, "float32", CPU)["share_of_limit"] is None


def test_a_slower_second_look_takes_nothing_back(monkeypatch):
    found = of(200e9)
    found_again(monkeypatch, 100e9)
    found.look_again(CPU)
    assert found.rate("float32", CPU) == 200e9


def test_the_best_product_is_that_of_the_fastest_form_and_shape(monkeypatch):
    clock = {"torch.mm": 4e-3, "linear": 2e-3, "oneDNN, packed": 1e-3, "MKL, packed": 3e-3}
    monkeypatch.setattr(limits, "_forms", lambda shape, dtype: iter(clock.items()))
    monkeypatch.setattr(limits, "_best", lambda work, device=None: work)
    shapes = [(100, 100, 100), (200, 100, 100)]  # as long each: the larger is the faster
    assert best_product(shapes, torch.float32, 1) == Product(
        4e6 / 1e-3, "oneDNN, packed", shapes[1]
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("threads", [1, 2])
def test_every_form_runs_and_the_threads_are_put_back(dtype, threads, monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0)
    before = torch.get_num_threads()
    found = best_product([(64, 32, 48)], dtype, threads)
    assert found.rate > 0
    assert found.shape == (64, 32, 48)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_all_forms_are_the_same_product(dtype):
    torch.manual_seed(0)
    results = []
    for name, work in limits._forms((8, 16, 4), dtype):
        torch.manual_seed(0)
        results.append((name, work()))
    assert {name for name, _ in results} >= {"torch.mm", "linear"}
    for _, result in results:
        torch.testing.assert_close(result, results[0][1])


def test_theory_is_two_units_of_the_widest_registers():
    cpu = {"flags": "fma avx512f avx512_bf16", "cpu MHz": "2000.0"}
    assert theory("float32", 2, cpu) == 256  # 2 cores x 2 GHz x 2 units x 16 lanes x 2
    assert theory("bfloat16", 1, cpu) == 256
    assert theory("float32", 1, {"flags": "fma", "cpu MHz": "2000"}) == 64
    assert theory("bfloat16", 1, {"flags": "fma", "cpu MHz": "2000"}) is None
    assert theory("float32", 1, {"flags": "fma"}) is None  # a clock that nobody tells


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*cores.json")), ids=lambda path: path.stem)
def test_no_recorded_share_is_above_the_limit(path):
    shares = [
        (row["what"], key, value)
        for measured in json.loads(path.read_text())["results"].values()
        for row in measured["rows"]
        for key, value in row.items()
        if key.startswith("share_of_") and value is not None
    ]
    assert shares
    assert [share for share in shares if not 0 <= share[2] <= 1] == []
