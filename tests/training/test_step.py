"""A step that is captured on CUDA, or taken in threads, does what a plain one does."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from torch import nn

from mentor3ad.training.step import (
    EAGER,
    GRAIN,
    CapturedStep,
    Step,
    Steps,
    Term,
    taking_steps,
    total,
)
from tests.batches import CUDA


def network(device: str) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 8)).to(device)


def losses(step, device: str, rows: list[int]) -> torch.Tensor:
    """Of steps on batches of so many rows, at a rate that falls."""
    torch.manual_seed(1)
    taken = []
    for i, count in enumerate(rows):
        inputs = torch.randn(count, 16, device=device), torch.randn(count, 8, device=device)
        taken.append(step(inputs, 0.01 / (1 + i)))
    return torch.stack(taken)


def torch_step(module: nn.Module, loss_of):
    """A plain step by torch's own Adam."""
    adam = torch.optim.Adam(module.parameters(), fused=True)

    def step(inputs, rate: float) -> torch.Tensor:
        adam.param_groups[0]["lr"] = rate
        loss = loss_of(*inputs)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.detach()

    return step


def test_a_step_on_the_cpu_has_the_bits_of_torchs_adam():
    ours, plain = network("cpu"), network("cpu")
    rows = [64, 48, 1, 64] * 8
    expected = losses(torch_step(plain, squared_error(plain)), "cpu", rows)
    assert torch.equal(losses(Step(ours, squared_error(ours), "float32"), "cpu", rows), expected)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)


def squared_error(module: nn.Module):
    return lambda x, y: (module(x) - y).square().mean()


class Pair(nn.Module):
    """Two parts of other widths that share nothing."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 8))
        self.two = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 16))

    def terms(self) -> list[Term]:
        return [
            Term(self.one, lambda x, y: (self.one(x) - y).square().mean()),
            Term(self.two, lambda x, y: (self.two(y) - x).square().mean()),
        ]


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("available", [1, 2, 4])
def test_terms_side_by_side_train_to_the_bits_of_one_loss(threads, available):
    threads(1)
    joint, pair = Pair(), Pair()
    expected = losses(Step(joint, total(joint.terms()), "float32"), "cpu", [64] * 12)
    threads(available)
    with taking_steps(pair, pair.terms(), "float32") as step:
        taken = losses(step, "cpu", [64] * 12)
    assert torch.equal(taken, expected)
    for one, other in zip(pair.parameters(), joint.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.get_num_threads() == available


def test_terms_are_taken_in_threads_of_their_own(threads):
    threads(2)
    pair, meeting = Pair(), Barrier(2, timeout=20)  # met only by both at once

    def meet(loss_of):
        return lambda x, y: (meeting.wait(), loss_of(x, y))[1]

    terms = [Term(term.part, meet(term.loss_of)) for term in pair.terms()]
    with taking_steps(pair, terms, "float32") as step:
        losses(step, "cpu", [4] * 3)


def test_small_steps_have_one_thread_and_large_ones_share_all():
    part = nn.Linear(1000, 1000)
    grain = int(GRAIN / 6e6)  # pixels
    step = Steps([Term(part, part)], "float32", None)
    assert [step.threads(rows, 8) for rows in (1, 2 * grain + 1, 100 * grain)] == [1, 2, 8]
    with ThreadPoolExecutor(2) as pool:
        both = Steps([Term(part, part)] * 2, "float32", pool)
        assert [both.threads(rows, 8) for rows in (1, 2 * grain + 1, 100 * grain)] == [1, 2, 4]


def test_an_error_in_a_thread_leaves_the_number_of_threads_as_it_was(threads):
    threads(2)
    pair = Pair()
    terms = [Term(pair.one, lambda x, y: 1 / 0), pair.terms()[1]]
    with taking_steps(pair, terms, "float32") as step, pytest.raises(ZeroDivisionError):
        losses(step, "cpu", [4])
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("device", [CUDA])
@pytest.mark.parametrize("rows", [[64] * (EAGER + 20), [64] * 6 + [48] * 8 + [64] * 5])
def test_a_replayed_step_has_the_loss_and_the_weights_of_one_that_is_not(device, rows):
    """Also after the shapes changed, when another graph is captured."""
    plain, captured = network(device), network(device)
    terms = [Term(captured, squared_error(captured))]
    expected = losses(torch_step(plain, squared_error(plain)), device, rows)
    with taking_steps(captured, terms, "float32") as step:
        assert type(step) is CapturedStep
        torch.testing.assert_close(losses(step, device, rows), expected, rtol=1e-5, atol=1e-6)
    for one, other in zip(captured.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert expected[-1] < expected[0]
