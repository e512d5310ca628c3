"""float64 to float16 with the one rounding that numpy does."""

import torch
from torch import Tensor


def to_float16(values: Tensor) -> Tensor:
    """Non-negative float64 rounded to float16, ties to even.

    PyTorch goes through float32 and rounds twice, which is one step off where the first rounding
    meets a tie of the second. So the float32 between is rounded to odd, which is never such a tie.
    """
    near = values.float()
    bits = near.view(torch.int32)
    wide = near.double()
    even_and_inexact = (wide != values) & (bits & 1 == 0)
    step = torch.where(values > wide, 1, -1).to(torch.int32)
    return torch.where(even_and_inexact, bits + step, bits).view(torch.float32).half()
