"""Trained modules on disk: safetensors, and the loss of every step beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import safetensors
import torch
from torch import Tensor, nn

from ..features.channels import PUBLISHED
from ..params.project import LOSS_FILE
from ..plumbing.documents import dump_json, parse_json
from ..plumbing.errors import ConfigError, WeightsError
from ..seals.seal import read_seal, remedy
from ..seals.sealed import Sealed

MODULE_FILE = "module.safetensors"
CONFIG = "config"  # the module's constructor arguments, in the file's metadata
LARGEST_WEIGHT = 1e15  # its square, summed over all channels, is still a float32

# What safetensors, torch and constructors make of a file that is none of ours.
_REFUSED = (
    *(OSError, RuntimeError, LookupError, TypeError, ValueError, AttributeError, OverflowError),
    *(ConfigError, safetensors.SafetensorError),
)


class TrainedModule(nn.Module):
    """A network of the method that can be written to a file and made again from it."""

    OUT: ClassVar[str]  # the kind of the out that holds it
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
    """A trained module of a kind from its out, frozen.

    Raises:
        CacheError: the out is missing, damaged or of another kind.
        WeightsError: it does not hold a whole module.
    """
    content = Sealed.open(folder, kind.OUT).read(MODULE_FILE)
    return module_in(kind, content, folder / MODULE_FILE, device, remedy(folder))


def module_sha256(folder: Path) -> str:
    """The hash of a trained module's file, as its seal says it."""
    return read_seal(folder).files[MODULE_FILE].digest.removeprefix("sha256:")


def module_in(kind: type[M], content: bytes, path: Path, device: torch.device, remedy: str) -> M:
    """The module in the content of the file at a path, frozen.

    Args:
        remedy: the end of the sentence about a file that is missing or damaged.

    Raises:
        WeightsError: it does not hold a whole module of the kind, of finite numbers.
    """
    from safetensors.torch import load

    try:
        state = load(content)  # no more than the content has
        module = _empty(kind, _metadata(content)[CONFIG], state)
        for name, tensor in state.items():
            _check_values(name, tensor)
        module.load_state_dict(state)
    except _REFUSED as error:
        raise _refused(kind, path, error, remedy) from None
    return module.to(device).eval().requires_grad_(False)


def _refused(kind: type[M], path: Path, error: Exception, remedy: str) -> WeightsError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return WeightsError(f"{path} does not hold a whole {kind.__name__} module ({reason}); {remedy}")


def _metadata(content: bytes) -> Mapping[str, str]:
    """What a file of safetensors says beside its tensors; the library gives it of files alone."""
    length = int.from_bytes(content[:8], "little")
    found: Mapping[str, str] = parse_json(content[8 : 8 + length].decode())["__metadata__"]
    return found


def _empty(kind: type[M], config: str, state: Mapping[str, Tensor]) -> M:
    """A module of the sizes that the file's metadata says, once its tensors are found to fit.

    The sizes are words that anybody can write, so no memory is taken for them before.
    """
    with torch.device("meta"):
        module = kind(**parse_json(config))
    own = module.state_dict()
    if state.keys() != own.keys():
        raise ValueError(f"it lacks or has beside others {min(state.keys() ^ own.keys())}")
    for name, tensor in own.items():
        if state[name].shape != tensor.shape:
            found, needed = tuple(state[name].shape), tuple(tensor.shape)
            raise ValueError(f"size mismatch for {name}: {found}, not {needed}")
    return module.to_empty(device="cpu")


def _check_values(name: str, tensor: Tensor) -> None:
    """Raise ValueError where a tensor holds what no training ends in."""
    if tensor.numel():
        least, most = (float(end) for end in torch.aminmax(tensor))
        if not (least >= -LARGEST_WEIGHT and most <= LARGEST_WEIGHT):  # as NaN is not
            raise ValueError(f"{name} has values that are not finite or over {LARGEST_WEIGHT:g}")
