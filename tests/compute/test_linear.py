"""The frozen linear layer against torch's own, in float64.

Stops the tanh GELU in place of the exact one.
"""

import pytest
import torch
import torch.nn.functional as F

from mentor3ad.compute.linear import Linear


@torch.inference_mode()
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-6), (torch.bfloat16, 2**-8)])
@pytest.mark.parametrize("gelu", [False, True])
def test_a_linear_layer_is_torchs(dtype, tolerance, gelu, packed, monkeypatch):
    """A tanh GELU is off by 5e-4."""
    if not packed:
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    torch.manual_seed(0)
    x, layer = torch.randn(37, 96), torch.nn.Linear(96, 160)
    y = Linear.of(layer, dtype, gelu)(x)
    exact = F.linear(x.to(dtype).double(), layer.weight.to(dtype).double(), layer.bias.double())
    exact = F.gelu(exact) if gelu else exact
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), exact, rtol=tolerance, atol=tolerance)
