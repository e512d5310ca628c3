"""Trained modules on disk: safetensors, and the loss of every step beside it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from pipeline.config import Model
from pipeline.errors import WeightsError
from pipeline.fusion import Fusion
from pipeline.guidance import Guidance

MODULE_FILE = "module.safetensors"
LOSS_FILE = "loss.json"

M = TypeVar("M", bound=nn.Module)


def save_module(folder: Path, module: nn.Module, losses: Sequence[float]) -> None:
    """Write a trained module and its losses, one row a step."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}
    (folder / MODULE_FILE).write_bytes(save(state))
    rows = [{"step": step, "loss": round(loss, 6)} for step, loss in enumerate(losses)]
    (folder / LOSS_FILE).write_text(json.dumps(rows) + "\n")


def load_fusion(folder: Path, model: Model, device: torch.device) -> Fusion:
    """A trained MFM, frozen. Raises WeightsError where it is missing or of other params."""
    return _load(Fusion(model.mfm.dim, model.mfm.hidden), folder, device)


def load_guidance(folder: Path, model: Model, device: torch.device) -> Guidance:
    """A trained MGM, frozen. Raises WeightsError where it is missing or of other params."""
    mgm = model.mgm
    return _load(Guidance(model.mfm.dim, mgm.hidden, mgm.use_mentor), folder, device)


def module_sha256(folder: Path) -> str:
    """The hash of a trained module's file."""
    return hashlib.sha256((folder / MODULE_FILE).read_bytes()).hexdigest()


def _load(module: M, folder: Path, device: torch.device) -> M:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / MODULE_FILE
    try:
        module.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(f"{path} does not hold this module ({reason}); run dvc repro") from None
    return module.to(device).eval().requires_grad_(False)
