"""The two losses of the paper. Losses are computed in float32 whatever the matmuls' type.

Their gradients are written out: autograd would pass over the (N, N) logits and the (N, C) features
three times as often, which costs more than the matrix products of small networks. Both losses see a
row x only through its direction u = x / |x|, so that their gradients by x follow from those by u:

    du/dx = (I - u u^T) / |x|,    dL/dx = (dL/du - (dL/du . u) u) / |x|.
"""

from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

EPS = 1e-6  # smallest norm that a cosine divides by
EXPONENT = 40.0  # up to which sums of float32 exponentials are safe from both ends


def similarity_logits(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """(N, N) cosine similarities of the rows of (N, C) and (N, C), over the temperature."""
    return (F.normalize(a.float(), dim=-1) / temperature) @ F.normalize(b.float(), dim=-1).T


class Workspace:
    """Memory that one loss after the other overwrites; whoever trains keeps it between steps.

    New memory would be cleared by the system page by page, which takes longer than all that is
    done with the logits. One loss at a time: threads that compute losses have one each.
    """

    def __init__(self) -> None:
        self._memory: Tensor | None = None

    def take(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """Float32 of a shape, with whatever values; what was taken before is overwritten."""
        size, memory = prod(shape), self._memory
        if memory is None or memory.device != device or len(memory) < size:
            with torch.inference_mode(False):  # the next loss may be outside of it
                memory = self._memory = torch.empty(size, device=device)
        return memory[:size].view(shape)


def info_nce(
    a: Tensor, b: Tensor, temperature: float, workspace: Workspace | None = None
) -> Tensor:
    """Symmetric InfoNCE (eq. 2): row i of `a` and of `b` are positives, the others negatives.

    Args:
        a, b: (N, C).
        workspace: what a loop of many steps keeps between them; None: memory of this call alone.
    """
    if 1 / temperature < EXPONENT:
        return _Contrast.apply(temperature, workspace or Workspace(), a, b)
    logits = similarity_logits(a, b, temperature)  # (N, N)
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def mentor_info_nce(
    a: Tensor, b: Tensor, mentor: Tensor, temperature: float, workspace: Workspace | None = None
) -> Tensor:
    """`info_nce` of two projections, and half of that between F_Mtr and each of them.

    In the second part the projections are targets: only F_Mtr has a gradient of it.

    Args:
        a, b, mentor: (N, C).
        workspace: see `info_nce`.
    """
    if 1 / temperature < EXPONENT:
        return _Contrast.apply(temperature, workspace or Workspace(), a, b, mentor)
    halves = (info_nce(mentor, x.detach(), temperature) / 2 for x in (a, b))
    return info_nce(a, b, temperature) + sum(halves)


def cosine_difference(predicted: Tensor, target: Tensor) -> Tensor:
    """1 - cosine of rows (..., C), in float32: the loss of eq. 4 and the score of eq. 5."""
    predicted, target = predicted.float(), target.float()
    with torch.autocast(predicted.device.type, enabled=False):  # float32 there too
        product = (predicted[..., None, :] @ target[..., None])[..., 0, 0]  # no (..., C) between
    lengths = [torch.linalg.vector_norm(x, dim=-1).clamp_min(EPS) for x in (predicted, target)]
    return 1 - product / (lengths[0] * lengths[1])


def cosine_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean `cosine_difference` of rows (N, C); the target has no gradient."""
    return _CosineLoss.apply(predicted, target)


class _Contrast(Function):
    """`info_nce` of rows (N, C), or `mentor_info_nce` of three; the gradients come with the loss.

    So the (N, N) matrices of one pair are gone before those of the next are made.

    With units u and v of two kinds of rows and the temperature t, the logits are S = (u / t) v^T.
    From the loss's gradient by them, G (N, N), those by the units follow: G v / t and G^T u / t.
    """

    @staticmethod
    def forward(ctx: Any, temperature: float, workspace: Workspace, *rows: Tensor) -> Tensor:
        units = [_unit(x.float()) for x in rows]
        dtype = _product_dtype(rows[0].device)
        a, b, *_ = (unit.to(dtype) for unit, _ in units)
        scaled = [(unit / temperature).to(dtype) for unit, _ in units]
        loss, slope = _symmetric_cross_entropy(scaled[0], b, workspace)
        slopes = [slope @ b, slope.T @ a]  # G v and G^T u; the temperature divides them below
        for mentor in scaled[2:]:
            towards = torch.zeros_like(a)
            for target in (a, b):
                half, slope = _symmetric_cross_entropy(mentor, target, workspace)
                loss = loss + half / 2
                towards += slope @ target
            slopes.append(towards / 2)
        ctx.slopes = [
            _through_unit(slope.float() / temperature, *unit).to(x.dtype)
            for slope, unit, x in zip(slopes, units, rows, strict=True)
        ]
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(slope * gradient for slope in ctx.slopes)


def _symmetric_cross_entropy(
    rows: Tensor, columns: Tensor, workspace: Workspace
) -> tuple[Tensor, Tensor]:
    """Mean cross entropy of the rows and of the columns of logits S (N, N), the diagonal right.

    The logits are the products of `rows` and `columns`, (N, C) both. With E = exp(S), its row sums
    r and its column sums c, the loss and its gradient are

        L = mean_i(log r_i + log c_i - 2 S_ii) / 2,
        dL/dS_ij = (E_ij / r_i + E_ij / c_j - 2 [i = j]) / (2 N),

    so that both softmaxes share one exponential. No maximum has to be taken off first: the logits
    lie within 1 / temperature of zero, which is below `EXPONENT`.

    Returns:
        The loss, float32, and its gradient (N, N) in the logits' type; the next call that has the
        workspace overwrites it.
    """
    count = len(rows)
    powers, slope = workspace.take((2, count, count), rows.device)
    if rows.dtype == powers.dtype:
        torch.mm(rows, columns.T, out=powers)
    else:
        powers.copy_(rows @ columns.T)
    right = powers.diagonal().clone()  # S_ii (N,)
    powers.exp_()
    r, c = powers.sum(dim=1), powers.sum(dim=0)  # (N,) both
    scale = 1 / (2 * count)
    torch.add((scale / r)[:, None], (scale / c)[None], out=slope)
    slope *= powers
    slope.diagonal().sub_(2 * scale)
    # Row by row: the difference of the means would lose the digits of a small loss.
    loss = ((r.log() - right) + (c.log() - right)).mean() / 2
    return loss, slope.to(rows.dtype)


def _product_dtype(device: torch.device) -> torch.dtype:
    """What autocast would give a matrix product's factors."""
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return torch.float32


class _CosineLoss(Function):
    """1 - mean cosine of rows (N, C) of a prediction and a target.

    With a row's direction u, its length l, the target's direction v and their cosine s = u . v, the
    gradient of the loss by the row is -(v - s u) / (N l).
    """

    @staticmethod
    def forward(ctx: Any, predicted: Tensor, target: Tensor) -> Tensor:
        unit, length = _unit(predicted.float())
        other, _ = _unit(target.float())
        cosine = (unit * other).sum(dim=-1, keepdim=True)  # (N, 1)
        ctx.save_for_backward(unit, length, other, cosine)
        ctx.dtype = predicted.dtype
        return 1 - cosine.mean()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        unit, length, other, cosine = ctx.saved_tensors
        scale = gradient / (len(unit) * length)  # (N, 1)
        slope = torch.addcmul(other, unit, cosine, value=-1).mul_(-scale)
        return slope.to(ctx.dtype), None


def _unit(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (N, C) over their lengths, and the lengths (N, 1), which are at least `EPS`."""
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp_min_(EPS)
    return rows / length, length


def _through_unit(slope: Tensor, unit: Tensor, length: Tensor) -> Tensor:
    """Returns the gradient of a loss by rows (N, C), given its gradient by the rows' unit vectors.

    It is (g - (g . u) u) / l, where g is the given gradient, `slope`, u the unit vector and l the
    row's length: a change along a row does not turn it.
    """
    along = (slope * unit).sum(dim=-1, keepdim=True)
    return torch.addcmul(slope, unit, along, value=-1) / length
