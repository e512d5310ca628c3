"""Weights of the two frozen backbones: pretrained, seeded random, or a file. Never a fallback."""

import hashlib
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.errors import WeightsError
from pipeline.features import point_mae, rgb
from pipeline.features.download import check_sha256, fetch, weights_folder

POINT_MAE_URL = "https://github.com/Pang-Yatian/Point-MAE/releases/download/main/pretrain.pth"
POINT_MAE_SHA256 = "27ded932bb0a2625d5a8eb006df199b2578598c774aee6d86b985300b6a5fd20"
RESIDUAL_SCALE = 0.3  # near 1 / sqrt(2 * depth) of GPT-2's initialisation
_BRANCH_ENDS = ("attn.proj.weight", "mlp.fc2.weight")
_IGNORED = ("mask_token", "decoder_pos_embed.", "MAE_decoder.", "increase_dim.")


def load_rgb_backbone(weights: str, seed: int) -> nn.Module:
    """DINO ViT-B/8 in eval mode.

    Args:
        weights: `pretrained` (timm downloads it once), `random`, or the path of a .safetensors
            file with timm's parameter names.
        seed: of the random weights.

    Raises:
        WeightsError: the weights cannot be had, or do not fit.
    """
    _check_exists(weights, "features.rgb.weights")
    import timm

    if weights != "pretrained":
        with torch.device("meta"):  # timm's own random start would take seconds and be thrown away
            model = timm.create_model(rgb.BACKBONE, num_classes=0)
        model = model.to_empty(device="cpu")
    else:
        try:
            model = timm.create_model(rgb.BACKBONE, pretrained=True, num_classes=0)
        except Exception as error:  # the hub's client raises many types for one missing network
            raise WeightsError(
                f"the pre-trained {rgb.BACKBONE} could not be downloaded ({_first_line(error)}); "
                "connect once, or set features.rgb.weights to a .safetensors file of it"
            ) from error
    return _finish(model, weights, seed, "features.rgb.weights", _load_safetensors)


def load_point_backbone(weights: str, seed: int) -> point_mae.PointMAE:
    """Point-MAE's encoder in eval mode.

    Args:
        weights: `pretrained` (the published file, see `pretrained_point_mae`), `random`, or the
            path of a .safetensors file of the encoder or of the published pretrain.pth.
        seed: of the random weights.

    Raises:
        WeightsError: the weights are missing, damaged or do not fit.
    """
    if weights == "pretrained":
        weights = str(pretrained_point_mae())
    model = point_mae.PointMAE()
    return _finish(model, weights, seed, "features.points.weights", _load_points_file)


def _finish(model, weights, seed, key, load):  # type: ignore[no-untyped-def]
    if weights == "random":
        random_weights(model, seed)
    elif weights != "pretrained":
        path = Path(weights)
        _check_exists(weights, key)
        load_strictly(model, load(path), path)
    return model.eval().requires_grad_(False)


def _check_exists(weights: str, key: str) -> None:
    if weights not in ("pretrained", "random") and not Path(weights).is_file():
        raise WeightsError(
            f"{key}: no weights at {weights}; give an existing file, 'pretrained' or 'random'"
        )


def random_weights(model: nn.Module, seed: int) -> None:
    """Seeded random weights: the same for a parameter whatever the others are.

    Matrices keep the variance of their input (normal, 1 / sqrt(fan in)), but for those that end a
    residual branch: they are scaled down, as is usual for deep transformers, so that a token stays
    about its own patch or group. Norms are the identity, biases zero, embeddings small.
    """
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode(), seed))
        if name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
            tensor.fill_(1.0)
        elif name.endswith("weight"):
            std = tensor[0].numel() ** -0.5
            if name.endswith(_BRANCH_ENDS):
                std *= RESIDUAL_SCALE
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * std)
        elif name.rpartition(".")[2] in ("pos_embed", "cls_token"):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.02)
        else:
            tensor.zero_()


def load_strictly(model: nn.Module, state: dict[str, Tensor], source: Path) -> None:
    """Load a state that must name every parameter of the model, each in its shape.

    The reference loads loosely and in silence: a checkpoint of another model leaves random
    weights behind.
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
    model.load_state_dict(state)


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path.suffix != ".safetensors":
        raise WeightsError(
            f"{path}: weights are read from .safetensors files only, since a pickle can run code; "
            "convert the file you trust with safetensors.torch.save_file"
        )
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: not a whole safetensors file ({error}); get it again"
        ) from error


def _load_points_file(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".pth":
        return _load_safetensors(path)
    check_sha256(path, POINT_MAE_SHA256)
    with torch.serialization.safe_globals(_numpy_scalars()):
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    return encoder_state(checkpoint["base_model"])


def _numpy_scalars() -> list[Any]:
    """What a float64 scalar of numpy 1 or 2 is pickled as; the checkpoint's metrics hold one."""
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


def pretrained_point_mae() -> Path:
    """The published encoder as safetensors, fetched and converted once."""
    from safetensors.torch import save_file

    converted = weights_folder() / "point_mae_encoder.safetensors"
    if not converted.exists():
        source = fetch(POINT_MAE_URL, POINT_MAE_SHA256, weights_folder() / "point_mae_pretrain.pth")
        part = converted.with_suffix(".part")
        save_file(_load_points_file(source), part)
        part.replace(converted)
    return converted


def state_sha256(model: nn.Module) -> str:
    """One hash of a model's names, shapes, dtypes and values, in name order."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
