"""Adam on the CPU: the bits of torch's own; its compiler is not imported."""

import subprocess
import sys

import torch

from mentor3ad.training.adam import Adam

SCRIPT = """
import sys, torch
from mentor3ad.training.adam import Adam
value = torch.ones(3, requires_grad=True)
adam = Adam([value])
value.square().sum().backward()
adam.step(0.1)
print("torch._dynamo" in sys.modules)
"""


def test_steps_have_the_bits_of_torchs():
    torch.manual_seed(0)
    ours = [torch.randn(shape, requires_grad=True) for shape in [(7, 5), (33,), (1,)]]
    theirs = [value.detach().clone().requires_grad_() for value in ours]
    adam, reference = Adam(ours), torch.optim.Adam(theirs, fused=True)
    for number in range(30):
        rate = 0.1 / (1 + number)
        for values in (ours, theirs):
            sum((value - number).pow(4).sum() for value in values).backward()
        adam.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        reference.zero_grad()
        for one, other in zip(ours, theirs, strict=True):
            assert torch.equal(one, other)
            assert one.grad is None


def test_a_parameter_without_a_gradient_stays_and_takes_no_step():
    used, unused = (torch.ones(2, requires_grad=True) for _ in range(2))
    adam = Adam([used, unused])
    for _ in range(3):
        used.sum().backward()
        adam.step(0.5)
    assert torch.equal(unused, torch.ones(2))
    unused.sum().backward()
    adam.step(0.5)
    torch.testing.assert_close(unused, torch.full((2,), 0.5))  # a first step is the rate


def test_torchs_compiler_is_not_imported():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
