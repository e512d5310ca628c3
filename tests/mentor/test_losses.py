"""InfoNCE against the published code and its definition (golden 09), cosine against CFM (06)."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from torch import Tensor, nn

from mentor3ad.mentor.losses import (
    Workspace,
    cosine_difference,
    cosine_loss,
    info_nce,
    mentor_info_nce,
    similarity_logits,
)
from tests.golden_weights import fill
from tests.paths import ROOT

INFO = json.loads((ROOT / "tests/golden/09_infonce/info.json").read_text())


@pytest.fixture
def rows(golden) -> tuple[Tensor, Tensor]:
    arrays = golden("09_infonce/infonce.npz")
    return torch.from_numpy(arrays["q"]), torch.from_numpy(arrays["k"])


def one_direction(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    return F.cross_entropy(similarity_logits(a, b, temperature), torch.arange(len(a)))


def m3dm_loss(a: Tensor, b: Tensor, temperature: float = 1.0) -> Tensor:
    return 2 * temperature * one_direction(a, b, temperature)


@pytest.mark.parametrize("temperature", [1.0, 0.07])
def test_info_nce_is_the_reference(rows, temperature):
    q, k = rows
    assert_allclose(
        [one_direction(q, k, temperature), one_direction(k, q, temperature)],
        [INFO[f"infonce_{way}_T{temperature}"] for way in ("q_to_k", "k_to_q")],
        rtol=1e-5,
    )
    expected = INFO[f"infonce_mean_T{temperature}"]
    assert_allclose(info_nce(q, k, temperature), expected, rtol=1e-5)


def test_m3dms_loss_is_one_direction_times_twice_the_temperature(rows):
    assert_allclose(m3dm_loss(*rows), INFO["m3dm_T1"], rtol=1e-5)
    assert_allclose(m3dm_loss(*rows, 0.07), INFO["m3dm_formula_T0.07"], rtol=1e-5)


def test_gradients_are_the_reference(rows, golden):
    q, k = (row.clone().requires_grad_() for row in rows)
    m3dm_loss(q, k).backward()
    expected = golden("09_infonce/infonce.npz")
    for tensor, name in ((q, "grad_q"), (k, "grad_k")):
        kept = expected[name]
        scale = np.abs(kept).max()
        assert_allclose(tensor.grad[: len(kept)] / scale, kept / scale, rtol=0, atol=1e-5)


def filled(layer: nn.Module, name: str) -> nn.Module:
    layer.load_state_dict(
        {k: fill(f"fusion.{name}.{k}", tuple(v.shape)) for k, v in layer.state_dict().items()}
    )
    return layer


def m3dm_branch(x: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """One modality of M3DM's fusion block: its fused features and its head's projection."""
    width = x.shape[-1]
    norm = filled(nn.LayerNorm(width), f"{name}_norm")
    first = filled(nn.Linear(width, 4 * width), f"{name}_mlp.fc1")
    second = filled(nn.Linear(4 * width, width), f"{name}_mlp.fc2")
    fused = second(F.gelu(first(norm(x))))
    return fused, filled(nn.Linear(width, 256), f"{name}_head")(fused)


@torch.no_grad()
def test_m3dms_whole_fusion_block_is_the_reference(golden):
    """Tokens with any zero point channel are left out; RGB is compared with the points."""
    arrays = golden("09_infonce/infonce.npz")
    xyz, rgb = (torch.from_numpy(arrays[f"fusion_{m}"][0]).float() for m in ("xyz", "rgb"))
    (xyz_fused, k), (rgb_fused, q) = m3dm_branch(xyz, "xyz"), m3dm_branch(rgb, "rgb")
    kept = (xyz != 0).all(dim=1)
    assert kept.sum() == INFO["fusion_n_tokens_kept"]
    assert_allclose(m3dm_loss(q[kept], k[kept]), INFO["fusion_forward_loss"], rtol=1e-5)
    fused = torch.cat([xyz_fused, rgb_fused], dim=1)
    assert_allclose(fused[:4], arrays["fusion_out_rows4"], rtol=0, atol=2e-5)


def test_info_nce_is_symmetric_and_blind_to_length(rows):
    q, k = rows
    torch.testing.assert_close(info_nce(k, q, 0.07), info_nce(q, k, 0.07))
    torch.testing.assert_close(info_nce(3 * q, 0.5 * k, 0.07), info_nce(q, k, 0.07))


def test_info_nce_of_rows_alike_is_the_logarithm_of_their_number():
    """Which is what a collapsed projection costs."""
    assert_allclose(info_nce(torch.ones(50, 4), torch.ones(50, 4), 0.07), np.log(50), rtol=1e-6)


@pytest.mark.parametrize("modality", ["rgb", "xyz"])
def test_cosine_difference_is_the_reference(golden, modality):
    arrays = golden("06_cfm_map/case_b.npz")
    predicted, target = (torch.from_numpy(arrays[f"{modality}_{k}"]) for k in ("pred", "feat"))
    expected = arrays["cosdist2d" if modality == "rgb" else "cosdist3d"]
    assert_allclose(cosine_difference(predicted, target), expected, rtol=0, atol=2e-6)


def test_cosine_difference_runs_from_zero_to_two():
    a = torch.tensor([[1.0, 0.0]]).expand(4, 2)
    b = torch.tensor([[5.0, 0.0], [0.0, 1.0], [-2.0, 0.0], [0.0, 0.0]])
    assert_allclose(cosine_difference(a, b), [0, 1, 2, 1], atol=1e-7)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_losses_of_half_precision_are_computed_in_float32(rows, half):
    """Sums of 256 products in half precision would be off in the third digit."""
    q, k = (row.to(half) for row in rows)
    assert info_nce(q, k, 0.07).dtype == torch.float32
    assert torch.equal(info_nce(q, k, 0.07), info_nce(q.float(), k.float(), 0.07))
    assert torch.equal(cosine_difference(q, k), cosine_difference(q.float(), k.float()))


def test_a_score_is_computed_in_float32_under_autocast_too(rows):
    exact = cosine_difference(*rows)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(cosine_difference(*rows), exact)


def gradients(loss: Tensor, *inputs: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss * 3, inputs))


def plain_info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    return (one_direction(a, b, temperature) + one_direction(b, a, temperature)) / 2


@pytest.mark.parametrize("temperature", [0.07, 0.01])
def test_info_nce_and_its_gradients_equal_the_plain_form(rows, temperature):
    """0.01: exponentials of logits up to 100 leave the range of float32."""
    q, k = (row.clone().requires_grad_() for row in rows)
    plain = plain_info_nce(q, k, temperature)
    fast = info_nce(q, k, temperature)
    torch.testing.assert_close(fast, plain)
    for a, b in zip(gradients(fast, q, k), gradients(plain, q, k), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("temperature", [0.07, 0.01])
def test_the_loss_with_the_mentor_and_its_gradients_equal_the_plain_form(rows, temperature):
    q, k = (row.clone().requires_grad_() for row in rows)
    mentor = torch.randn(q.shape, generator=torch.Generator().manual_seed(0)) + q.detach()
    mentor.requires_grad_()
    plain = plain_info_nce(q, k, temperature)
    for target in (q.detach(), k.detach()):
        plain = plain + plain_info_nce(mentor, target, temperature) / 2
    fast = mentor_info_nce(q, k, mentor, temperature)
    torch.testing.assert_close(fast, plain)
    pairs = zip(gradients(fast, q, k, mentor), gradients(plain, q, k, mentor), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("autocast", [False, True])
def test_the_losss_gradients_outlive_the_memory_that_the_next_loss_takes(rows, autocast):
    q, k = (row.clone().requires_grad_() for row in rows)
    workspace = Workspace()

    def loss_of(a: Tensor, b: Tensor, workspace: Workspace | None = workspace) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            return mentor_info_nce(a, b, a + b, 0.07, workspace)

    alone = gradients(loss_of(q, k, None), q, k)
    first = loss_of(q, k)
    with torch.inference_mode():
        loss_of(torch.randn(300, 8), torch.randn(300, 8))  # larger, and of another mode
    loss_of(k[:20], q[:20])
    assert all(torch.equal(*pair) for pair in zip(gradients(first, q, k), alone, strict=True))


def test_a_workspace_hands_out_the_same_memory_until_more_is_asked_for():
    """New memory at every step would be mapped and cleared anew: hundreds of page faults."""
    workspace, cpu = Workspace(), torch.device("cpu")
    first = workspace.take((2, 30, 30), cpu)
    assert workspace.take((2, 20, 20), cpu).data_ptr() == first.data_ptr()
    assert workspace.take((2, 30, 30), cpu).data_ptr() == first.data_ptr()
    assert workspace.take((2, 40, 40), cpu).shape == (2, 40, 40)


def test_bfloat16_products_change_the_gradients_by_their_rounding(rows):
    """Within 2 %, each row's gradient as a whole."""
    q, k = (row.clone().requires_grad_() for row in rows)
    exact = gradients(info_nce(q, k, 0.07), q, k)
    with torch.autocast("cpu", torch.bfloat16):
        loss = info_nce(q, k, 0.07)
    for a, b in zip(gradients(loss, q, k), exact, strict=True):
        assert 0 < (a - b).norm() < 0.02 * b.norm()


def test_cosine_loss_and_its_gradient_equal_the_plain_form(rows):
    predicted, target = rows[0].clone().requires_grad_(), rows[1]
    plain, fast = cosine_difference(predicted, target).mean(), cosine_loss(predicted, target)
    torch.testing.assert_close(fast, plain)
    pair = (*gradients(fast, predicted), *gradients(plain, predicted))
    torch.testing.assert_close(*pair, rtol=1e-5, atol=1e-8)
