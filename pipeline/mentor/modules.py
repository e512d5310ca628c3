"""Trained modules on disk: safetensors, and the loss of every step beside it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ..features.channels import PUBLISHED
from ..params.project import LOSS_FILE
from ..plumbing.errors import WeightsError

MODULE_FILE = "module.safetensors"
CONFIG = "config"  # the module's constructor arguments, in the file's metadata


class TrainedModule(nn.Module):
    """A network of the method that can be written to a file and made again from it."""

    config: dict[str, Any]  # the constructor's arguments, JSON values


def channels_config(channels: Sequence[int]) -> dict[str, list[int]]:
    """The part of a module's config that says how many channels F_RGB and F_XYZ have.

    Those of the paper's backbones are left out, so that a module of them is the file that it was
    before there were others.
    """
    return {} if tuple(channels) == PUBLISHED.channels else {"channels": list(channels)}


M = TypeVar("M", bound=TrainedModule)


def save_module(
    folder: Path,
    module: TrainedModule,
    losses: Sequence[float],
    held_out: Mapping[int, float] | None = None,
) -> None:
    """Write a trained module and its losses, one row a step.

    Args:
        held_out: the loss on held-out scans, by the number of steps taken before it was measured.
            Where there is any, each row has it too, null at the steps between.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}
    (folder / MODULE_FILE).write_bytes(save(state, {CONFIG: json.dumps(module.config)}))
    rows: list[dict[str, float | None]] = [
        {"step": step, "loss": round(loss, 6)} for step, loss in enumerate(losses)
    ]
    if held_out:
        after = {step - 1: round(loss, 6) for step, loss in held_out.items()}
        rows = [row | {"held_out": after.get(step)} for step, row in enumerate(rows)]
    (folder / LOSS_FILE).write_text(json.dumps(rows) + "\n")


def load_module(kind: type[M], folder: Path, device: torch.device) -> M:
    """A trained module of a kind, frozen. Raises WeightsError where it is missing or damaged."""
    remedy = f"delete {folder} and run `dvc repro` to make it again"
    return read_module(kind, folder / MODULE_FILE, device, remedy)


def module_sha256(folder: Path) -> str:
    """The hash of a trained module's file."""
    return hashlib.sha256((folder / MODULE_FILE).read_bytes()).hexdigest()


def read_module(kind: type[M], path: Path, device: torch.device, remedy: str) -> M:
    """A module's file, frozen.

    Args:
        remedy: the end of the sentence about a file that is missing or damaged.

    Raises:
        WeightsError: it does not hold a whole module of the kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            module = kind(**json.loads(file.metadata()[CONFIG]))
            names = file.keys()
            module.load_state_dict({name: file.get_tensor(name) for name in names})
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"{path} does not hold a whole {kind.__name__} module ({reason}); {remedy}"
        ) from None
    return module.to(device).eval().requires_grad_(False)
