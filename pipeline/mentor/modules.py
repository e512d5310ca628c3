"""Trained modules on disk: safetensors, and the loss of every step beside it."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import torch
from torch import Tensor, nn

from ..features.channels import PUBLISHED
from ..params.project import LOSS_FILE
from ..plumbing.documents import dump_json, open_regular, parse_json
from ..plumbing.errors import ConfigError, WeightsError

MODULE_FILE = "module.safetensors"
CONFIG = "config"  # the module's constructor arguments, in the file's metadata
LARGEST_WEIGHT = 1e15  # its square, summed over all channels, is still a float32

# What safetensors, torch and constructors make of a file that is none of ours.
_REFUSED = (
    *(OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, OverflowError),
    *(ConfigError, safetensors.SafetensorError),
)


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
    (folder / MODULE_FILE).write_bytes(save(state, {CONFIG: dump_json(module.config)}))
    rows: list[dict[str, float | None]] = [
        {"step": step, "loss": round(loss, 6)} for step, loss in enumerate(losses)
    ]
    if held_out:
        after = {step - 1: round(loss, 6) for step, loss in held_out.items()}
        rows = [row | {"held_out": after.get(step)} for step, row in enumerate(rows)]
    (folder / LOSS_FILE).write_text(dump_json(rows) + "\n")


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
        WeightsError: it does not hold a whole module of the kind, of finite numbers.
    """
    try:
        open_regular(path).close()  # the library would wait at a FIFO
        with safetensors.safe_open(path, framework="pt") as file:
            module = _empty(kind, file)
            module.load_state_dict({name: _tensor(file, name) for name in file.keys()})  # noqa: SIM118
    except _REFUSED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"{path} does not hold a whole {kind.__name__} module ({reason}); {remedy}"
        ) from None
    return module.to(device).eval().requires_grad_(False)


def _empty(kind: type[M], file: Any) -> M:
    """A module of the sizes that the file's metadata says, once its tensors are found to fit.

    The sizes are words that anybody can write, so no memory is taken for them before.
    """
    with torch.device("meta"):
        module = kind(**parse_json(file.metadata()[CONFIG]))
    names, state = set(file.keys()), module.state_dict()
    if names != state.keys():
        raise ValueError(f"it lacks or has beside others {min(names ^ state.keys())}")
    for name, tensor in state.items():
        found = tuple(file.get_slice(name).get_shape())
        if found != tuple(tensor.shape):
            raise ValueError(f"size mismatch for {name}: {found}, not {tuple(tensor.shape)}")
    return module.to_empty(device="cpu")


def _tensor(file: Any, name: str) -> Tensor:
    """A tensor of the file; ValueError where it holds what no training ends in."""
    tensor = file.get_tensor(name)
    if tensor.numel():
        least, most = (float(end) for end in torch.aminmax(tensor))
        if not (least >= -LARGEST_WEIGHT and most <= LARGEST_WEIGHT):  # as NaN is not
            raise ValueError(f"{name} has values that are not finite or over {LARGEST_WEIGHT:g}")
    return tensor
