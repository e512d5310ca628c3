"""The time of a step, by what it is spent on."""

import time

import pytest
import torch

from bench.split import Spent, is_product, split

CPU = torch.device("cpu")


def test_shares_add_up_to_one():
    figures = Spent(products=3.0, memory=1.0, wall=5.0).shares()
    assert figures == {
        "share_of_products": 0.6,
        "share_of_memory": 0.2,
        "share_of_python": pytest.approx(0.2),
    }


def test_a_longer_call_less_a_shorter_one():
    assert Spent(3.0, 2.0, 9.0) - Spent(1.0, 0.5, 4.0) == Spent(2.0, 1.5, 5.0)


def test_the_clock_of_the_profiler_may_run_ahead():
    figures = Spent(products=4.0, memory=2.0, wall=5.0).shares()
    assert sum(figures.values()) == pytest.approx(1)
    assert figures["share_of_python"] == 0


@pytest.mark.parametrize(
    ("operation", "product"),
    [
        ("aten::addmm", True),
        ("aten::bmm", True),
        ("mkldnn::_linear_pointwise", True),
        ("aten::mkldnn_convolution", True),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", True),
        ("mkldnn::_reorder_linear_weight", False),
        ("aten::linspace", False),
        ("aten::index_select", False),
        ("aten::gelu", False),
    ],
)
def test_operations_that_multiply_matrices(operation, product):
    assert is_product(operation) is product


def test_what_a_call_is_spent_on():
    a = torch.randn(512, 512)
    big = torch.randn(4, 1 << 20)
    assert split(lambda: [a @ a for _ in range(20)], CPU)["share_of_products"] > 0.5
    assert split(lambda: [big.clone() for _ in range(5)], CPU)["share_of_memory"] > 0.5
    assert split(lambda: time.sleep(0.02), CPU)["share_of_python"] > 0.9


def test_a_gpu_has_no_shares():
    assert split(lambda: None, torch.device("cuda")) == {}
