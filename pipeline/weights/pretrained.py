"""Gets the published weights from the weights folder, the network or a file of the user."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..params.schema import Features
from ..plumbing.errors import WeightsError
from ..plumbing.files import replaced_whole
from . import sources
from .download import fetch, only_writer
from .sources import Backbone, Source, check_recorded, record_sha256, remedy

if TYPE_CHECKING:
    from torch import Tensor, nn

_PUBLISHED_POINT_MAE = "point_mae_pretrain.pth"  # in the weights folder


def fetch_missing(features: Features) -> None:
    """Get each backbone's pre-trained weights that the params name and that are not here.

    Raises:
        WeightsError: what cannot be had, of both backbones.
    """
    problems = []
    for source, weights in sources.wanted_sources(features):
        if weights == "pretrained":
            try:
                if source is sources.POINT_MAE:
                    pretrained_point_mae()
                else:
                    pretrained_image(source)
            except WeightsError as error:
                problems.append(str(error))
    if problems:
        raise WeightsError("; ".join(problems))


def pretrained_dino() -> Path:
    """DINO as safetensors: the weights folder's, else the Hugging Face cache's, else downloaded.

    Raises:
        WeightsError: it cannot be had, or is not what it was when it was kept.
    """
    return pretrained_image(sources.DINO)


def pretrained_image(source: Source) -> Path:
    """A network of timm: the weights folder's file, a package's, the Hugging Face cache's, else
    downloaded. Of a package it is the .pth inside, which `read_image_network` checks.

    Raises:
        WeightsError: it cannot be had, or is not what it was when it was kept.
    """
    if source.kept.exists():
        check_recorded(source.kept)
        return source.kept
    if source.package is not None:
        if (packaged := sources.package_file(source)) is None:
            raise _not_had(source, "their package is not installed")
        return packaged
    path = sources.hub_file(source) or _download(source)
    check_recorded(path)
    sources.pin_commit(source, path)
    return path


def _download(source: Source) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it warns of every try
    try:
        pinned = sources.pinned_commit(source)
        path = Path(hf_hub_download(source.hub, sources.DINO_FILE, revision=pinned))
    except Exception as error:  # the hub's client raises many types for one missing network
        raise _not_had(source, _cause(error)) from error
    finally:
        logging.set_verbosity(verbosity)
    return path


def pretrained_point_mae() -> Path:
    """The published encoder as safetensors, fetched and converted once.

    Raises:
        WeightsError: it cannot be had, or is not what it was when it was kept.
    """
    source = sources.POINT_MAE
    if source.kept.exists():
        check_recorded(source.kept)
        return source.kept
    try:
        path = source.kept.with_name(_PUBLISHED_POINT_MAE)
        published = fetch(source.url, source.sha256 or "", path)
    except WeightsError as error:
        raise _not_had(source, str(error)) from error
    return import_weights(published, "points")


def import_weights(file: Path, backbone: Backbone | None = None) -> Path:
    """Check a file and keep it in the weights folder, where `pretrained` finds it.

    Args:
        file: .safetensors of either backbone, or Point-MAE's published pretrain.pth, whose sha256
            is checked before it is opened and of which the encoder is kept.
        backbone: which one; None: by the names of its tensors.

    Returns:
        The kept file.

    Raises:
        WeightsError: no such file, or it does not hold exactly the backbone's tensors.
    """
    from .checkpoints import check_state, read_safetensors

    if not file.is_file():
        raise WeightsError(f"{file}: there is no such file to import")
    state = _read_published(file, backbone) if file.suffix == ".pth" else read_safetensors(file)
    backbone = "points" if file.suffix == ".pth" else backbone or _backbone_of(state, file)
    check_state(_empty(backbone), state, file)
    source = sources.DINO if backbone == "rgb" else sources.POINT_MAE
    _keep(source, file, state)
    return source.kept


def _read_published(file: Path, backbone: Backbone | None) -> "dict[str, Tensor]":
    from .checkpoints import read_point_mae

    if backbone == "rgb":
        raise WeightsError(
            f"{file}: only Point-MAE's published .pth is read, since a pickle can run code; for "
            f"DINO get {sources.DINO.url}"
        )
    return read_point_mae(file)


def _backbone_of(state: "dict[str, Tensor]", file: Path) -> Backbone:
    if "patch_embed.proj.weight" in state:
        return "rgb"
    if "encoder.first_conv.0.weight" in state:
        return "points"
    first = min(state, default="none")
    raise WeightsError(
        f"{file}: its tensors (such as {first}) are neither DINO's nor Point-MAE's in the names "
        "that are read here"
    )


def _empty(backbone: Backbone) -> "nn.Module":
    """The network with its names and shapes, without memory for them."""
    import torch

    from ..backbones import point_mae, rgb

    if backbone == "rgb":
        return rgb.empty_vit()
    with torch.device("meta"):
        return point_mae.PointMAE()


def _keep(source: Source, file: Path, state: "dict[str, Tensor]") -> None:
    from safetensors.torch import save_file

    source.kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        with only_writer(source.kept), replaced_whole(source.kept) as part:
            if file.suffix == ".pth":
                save_file({name: tensor.contiguous() for name, tensor in state.items()}, part)
            else:
                shutil.copyfile(file, part)
    except OSError as error:
        raise WeightsError(
            f"{source.kept} cannot be written ({error.strerror}); free some space, or set "
            "MENTOR3AD_WEIGHTS to another folder"
        ) from error
    record_sha256(source.kept)


def _not_had(source: Source, reason: str) -> WeightsError:
    return WeightsError(f"{source.title} cannot be had ({reason}): {remedy(source)}")


def _cause(error: BaseException) -> str:
    """The first line of the first cause; the errors above it only say that something failed."""
    while error.__cause__:
        error = error.__cause__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
