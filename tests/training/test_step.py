"""A step that is captured on CUDA does what one does that is taken kernel by kernel."""

import pytest
import torch
from torch import nn

from mentor3ad.training.step import EAGER, CapturedStep, Step, step_of
from tests.batches import CUDA


def network(device: str) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 8)).to(device)


def losses(step: Step, device: str, rows: list[int]) -> torch.Tensor:
    """Of steps on batches of so many rows, at a rate that falls."""
    torch.manual_seed(1)
    taken = []
    for i, count in enumerate(rows):
        inputs = torch.randn(count, 16, device=device), torch.randn(count, 8, device=device)
        taken.append(step(inputs, 0.01 / (1 + i)))
    return torch.stack(taken)


def squared_error(module: nn.Module):
    return lambda x, y: (module(x) - y).square().mean()


def test_a_cpu_takes_its_steps_kernel_by_kernel():
    module = network("cpu")
    assert type(step_of(module, squared_error(module), "float32")) is Step


@pytest.mark.parametrize("device", [CUDA])
@pytest.mark.parametrize("rows", [[64] * (EAGER + 20), [64] * 6 + [48] * 8 + [64] * 5])
def test_a_replayed_step_has_the_loss_and_the_weights_of_one_that_is_not(device, rows):
    """Also after the shapes changed, when another graph is captured."""
    eager, captured = network(device), network(device)
    step = step_of(captured, squared_error(captured), "float32")
    assert type(step) is CapturedStep
    expected = losses(Step(eager, squared_error(eager), "float32"), device, rows)
    torch.testing.assert_close(losses(step, device, rows), expected, rtol=1e-5, atol=1e-6)
    for one, other in zip(captured.parameters(), eager.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert expected[-1] < expected[0]
