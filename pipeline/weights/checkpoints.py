"""Reads the backbones' checkpoints: all of their tensors, no others, and no foreign pickle."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..plumbing.errors import WeightsError
from . import sources
from .download import read_checked

_IGNORED = ("mask_token", "decoder_pos_embed.", "MAE_decoder.", "increase_dim.")


def load_strictly(model: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Load a state that must name every parameter of the model, each in its shape.

    The reference loads loosely and in silence: a checkpoint of another model leaves random
    weights behind.
    """
    check_state(model, state, source)
    model.load_state_dict(state)


def check_state(model: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Check that a state has the model's tensors, no others, each in its shape and finite.

    Raises:
        WeightsError: it has not. One NaN in the weights makes every feature NaN.
    """
    expected = model.state_dict()
    missing = sorted(expected.keys() - state.keys())
    unknown = sorted(state.keys() - expected.keys())
    if missing or unknown:
        found = len(expected) - len(missing)
        example = (missing or unknown)[0]
        raise WeightsError(
            f"{source}: {found} of the {len(expected)} expected tensors found, {len(unknown)} "
            f"unknown ones (such as {example}); this file holds weights of another model"
        )
    for name, tensor in expected.items():
        if state[name].shape != tensor.shape:
            raise WeightsError(
                f"{source}: {name} has shape {tuple(state[name].shape)}, expected "
                f"{tuple(tensor.shape)}; this file holds weights of another model"
            )
        if not _is_finite(state[name]):
            raise WeightsError(
                f"{source}: {name} holds numbers that are not finite, so the network computes "
                "nothing; get the published file again, or train it anew"
            )


def _is_finite(tensor: Tensor) -> bool:
    """Whether all values are: NaN is the least and the greatest of what holds one."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return all(bool(value.isfinite()) for value in torch.aminmax(tensor))


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Raises WeightsError where it is another kind of file, or not whole."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix != ".safetensors":
        raise WeightsError(
            f"{path}: weights are read from .safetensors files only, since a pickle can run code; "
            "convert the file you trust with safetensors.torch.save_file"
        )
    if path.exists() and not path.is_file():
        raise WeightsError(f"{path}: not a regular file, which a FIFO or device is not; name one")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: not a whole safetensors file ({error}); get it again"
        ) from error


def read_image_network(path: Path, source: sources.Source, model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a network of timm without its classifier, in timm's names.

    Args:
        path: .safetensors, or the .pth inside of a package, whose sha256 is checked first.
        model: the network without its classifier, which says the classifier's name.

    Raises:
        WeightsError: another kind of file, not the published one, or not whole.
    """
    if path.suffix == ".safetensors" or source.package is None:
        state = read_safetensors(path)
    else:
        content = read_checked(path, source.sha256 or "")
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        state = from_lite(loaded, model)
    config: Any = getattr(model, "pretrained_cfg", {})
    heads = config.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    dropped = tuple(f"{head}." for head in heads)
    return {name: tensor for name, tensor in state.items() if not name.startswith(dropped)}


_LITE_TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
_LITE_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw"}
_LITE_FIRST |= {"_bn2": "bn2"}
_LITE_BLOCK = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw"}
_LITE_BLOCK |= {"_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}


def from_lite(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """An EfficientNet-Lite in the names of efficientnet_lite_pytorch, to timm's names.

    There blocks are counted through, here by stage; the blocks of the first stage widen nothing,
    and so have one convolution less.
    """
    stages: Any = model.blocks
    blocks = [f"{s}.{i}" for s, stage in enumerate(stages) for i in range(len(stage))]
    first = len(stages[0])
    renamed = {}
    for name, tensor in state.items():
        layer, _, rest = name.partition(".")
        if layer == "_blocks":
            number, layer, rest = rest.split(".", 2)
            names = _LITE_FIRST if int(number) < first else _LITE_BLOCK
            layer = f"blocks.{blocks[int(number)]}.{names[layer]}"
        else:
            layer = (_LITE_TOP | {"_fc": "classifier"})[layer]
        renamed[f"{layer}.{rest}"] = tensor
    return renamed


def read_point_mae(path: Path) -> dict[str, Tensor]:
    """The encoder's tensors, of a .safetensors file or of the published pretrain.pth.

    Raises:
        WeightsError: another kind of file, another .pth than the published one, or not whole.
    """
    if path.suffix != ".pth":
        return read_safetensors(path)
    content = read_checked(path, sources.POINT_MAE.sha256 or "")
    with torch.serialization.safe_globals(_numpy_scalars()):
        checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return encoder_state(checkpoint["base_model"])


def _numpy_scalars() -> list[Any]:
    """The types that a pickle has for a float64 of numpy 1 or 2, as the checkpoint holds one."""
    scalar = np.float64(0).__reduce__()[0]
    names = [f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")]
    return [*((scalar, name) for name in names), np.dtype, type(np.dtype(np.float64))]


def encoder_state(base_model: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's 156 tensors of the published pretraining checkpoint's 209.

    `module.` (left by DataParallel) and the leading `MAE_encoder.` are removed, the decoder's
    tensors left out.
    """
    state = {}
    for key, tensor in base_model.items():
        name = key.replace("module.", "").removeprefix("MAE_encoder.")
        if not name.startswith(_IGNORED):
            state[name] = tensor
    return state
