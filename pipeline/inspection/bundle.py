"""A model bundle: one folder with all that prediction needs, and no training data.

    bundle.json             what it is: category, params, the hash of every other file, and its own
    fusion.safetensors      MFM
    guidance.safetensors    MGM
    voting.json             VM with its threshold; the one-class SVM is a list of coefficients
    likeness.json           what scans like those of the training show, unless that check is off
    tested.json             the test scans' object scores, where some have a known label
    camera.*                the pinhole camera, where the category has one
    rgb.safetensors         the backbones, only where they were asked for
    points.safetensors

The same project gives the same bytes. Nothing in it is a pickle.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from ..extraction.scan import Backbones
from ..fusion.network import Fusion
from ..guidance.network import Guidance
from ..mentor.modules import module_in
from ..params.categories import Category
from ..params.schema import Features
from ..params.section import Section
from ..plumbing.documents import DocumentError, dump_json, parse_json, read_bytes
from ..plumbing.errors import BundleError, WeightsError
from ..plumbing.system import is_the_machines
from ..scoring.scorer import Scorer
from ..voting.likeness import LIKENESS_FILE, Likeness
from ..voting.model import VOTING_FILE, VotingModel
from ..weights.download import file_sha256
from .model import InspectionModel, Settings, configure_device
from .tested import TESTED_FILE

# 3: without the samples of likeness.json; 2: without its own sha256, and without likeness.json;
# 1: without settings.part_pixels as well
SCHEMA = 4
_SEALED = 3  # from this schema on bundle.json has its own hash
_SEAL = "sha256"
BUNDLE_FILE = "bundle.json"
FUSION, GUIDANCE = "fusion.safetensors", "guidance.safetensors"
BACKBONES = {"rgb": "rgb.safetensors", "points": "points.safetensors"}
CAMERAS = ("camera.json", "camera.yaml", "camera.yml")
PARTS = (FUSION, GUIDANCE, VOTING_FILE)  # that every bundle has

VERSION_DIGITS = 12  # of the SHA-256 of bundle.json, which lists all other files

MOST_BYTES = 1 << 31  # of a part; MFM and MGM have a thousandth of it, a memory of features more

_WHOLE = "a bundle written with --with-backbones needs none from elsewhere"
_REMEDY = "write the bundle again with `mentor3ad bundle`, or copy it again"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _known(name: str) -> str:
    if name not in (*PARTS, LIKENESS_FILE, TESTED_FILE, *CAMERAS, *BACKBONES.values()):
        raise ValueError("is no file of a bundle")
    return name


File = Annotated[str, AfterValidator(_known)]


class _Version(BaseModel):
    """The one key that every version of bundle.json has."""

    schema_version: int


class BackboneHashes(Section):
    """The hashes of both backbones, as `state_sha256` makes them."""

    rgb: Sha256
    points: Sha256


class BundleManifest(Section):
    """The content of bundle.json."""

    schema_version: Literal[1, 2, 3, 4]
    category: Category
    settings: Settings
    backbones: BackboneHashes
    files: dict[File, Sha256]
    sha256: Sha256 | None = None  # of the rest; None before schema 3

    @property
    def has_backbones(self) -> bool:
        return BACKBONES["rgb"] in self.files and BACKBONES["points"] in self.files


def load_bundle(folder: Path, category: str | None = None, device: str = "auto") -> InspectionModel:
    """Return the model in a bundle; neither a project nor training data are needed.

    Args:
        category: what the model must inspect; None: whatever the bundle was made for.
        device: auto (CUDA where there is one), cpu, cuda or cuda:N.

    Raises:
        BundleError: there is no bundle, or it is incomplete, damaged, of another category or of
            a newer release.
        ConfigError: no such device, or CUDA where there is none.
        WeightsError: the backbones are not in the bundle and cannot be had here.
        OSError: the machine does not let us read it.
    """
    manifest, parts = _read(folder)
    if category is not None and category != manifest.category:
        raise BundleError(
            f"{folder} inspects {manifest.category}, not {category}; name the bundle of {category}"
        )
    where = configure_device(device)
    settings = manifest.settings
    fusion = module_in(Fusion, parts[FUSION], folder / FUSION, where, _REMEDY)
    guidance = module_in(Guidance, parts[GUIDANCE], folder / GUIDANCE, where, _REMEDY)
    scorer = Scorer(fusion, guidance, settings.precision)
    voting = VotingModel.parse(parts[VOTING_FILE], folder / VOTING_FILE)
    likeness = _likeness(folder, parts)
    camera = next((folder / name for name in CAMERAS if name in manifest.files), None)
    backbones = _load_backbones(folder, manifest, where)
    return InspectionModel(
        manifest.category,
        settings,
        camera,
        backbones,
        scorer,
        voting,
        version=hashlib.sha256(parts[BUNDLE_FILE]).hexdigest()[:VERSION_DIGITS],
        likeness=likeness,
    )


def read_manifest(folder: Path) -> BundleManifest:
    """Read bundle.json, and check that every file that it lists is there and is the listed one.

    Raises:
        BundleError: see `load_bundle`.
    """
    return _read(folder)[0]


def read_statistics(folder: Path) -> tuple[str, VotingModel, Likeness | None]:
    """The version of a bundle, and what it says of good scans; no module is loaded.

    Raises:
        BundleError, CacheError: see `load_bundle`.
    """
    _, parts = _read(folder)
    version = hashlib.sha256(parts[BUNDLE_FILE]).hexdigest()[:VERSION_DIGITS]
    return (
        version,
        VotingModel.parse(parts[VOTING_FILE], folder / VOTING_FILE),
        _likeness(folder, parts),
    )


def check_bundle(folder: Path) -> BundleManifest:
    """`read_manifest`, and read the modules and the voting model; no backbone is loaded.

    Raises:
        BundleError, CacheError, WeightsError: see `load_bundle`.
    """
    manifest, parts = _read(folder)
    cpu = torch.device("cpu")
    module_in(Fusion, parts[FUSION], folder / FUSION, cpu, _REMEDY)
    module_in(Guidance, parts[GUIDANCE], folder / GUIDANCE, cpu, _REMEDY)
    VotingModel.parse(parts[VOTING_FILE], folder / VOTING_FILE)
    _likeness(folder, parts)
    return manifest


def _likeness(folder: Path, parts: dict[str, bytes]) -> Likeness | None:
    content = parts.get(LIKENESS_FILE)
    return None if content is None else Likeness.parse(content, folder / LIKENESS_FILE)


def _read(folder: Path) -> tuple[BundleManifest, dict[str, bytes]]:
    """The manifest, and the content of the small parts, as it was checked."""
    path = folder / BUNDLE_FILE
    try:
        text = read_bytes(path)
    except OSError as error:
        if is_the_machines(error):
            raise
        raise BundleError(f"{folder} is no bundle ({path}: {error.strerror}); {_REMEDY}") from None
    except DocumentError as error:
        raise BundleError(f"{path} is damaged (it {error}); {_REMEDY}") from None
    try:
        version = _Version.model_validate_json(text).schema_version
        if version > SCHEMA:
            raise BundleError(
                f"{folder} was written by a newer release (schema {version}, this one reads "
                f"{SCHEMA}); update mentor3ad"
            )
        manifest = BundleManifest.model_validate_json(text)
        _check_seal(path, manifest, text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise BundleError(f"{path} is damaged ({place}: {problem['msg']}); {_REMEDY}") from None
    return manifest, _check_files(folder, manifest) | {BUNDLE_FILE: text}


def sealed_text(content: Mapping[str, Any]) -> str:
    """The text of bundle.json: a manifest's content, and the hash of it as the last key."""
    digest = hashlib.sha256(dump_json(content, indent=1).encode()).hexdigest()
    return dump_json({**content, _SEAL: digest}, indent=1) + "\n"


def _check_seal(path: Path, manifest: BundleManifest, text: bytes) -> None:
    """Refuse a bundle.json that is not, byte for byte, as it was written."""
    try:
        content = parse_json(text.decode())
    except DocumentError as error:  # what pydantic lets pass, such as an integer of 50 digits
        raise BundleError(f"{path} is damaged (it {error}); {_REMEDY}") from None
    sealed = content.pop(_SEAL, None) is not None
    whole = sealed_text(content).encode() == text if sealed else True
    if sealed != (manifest.schema_version >= _SEALED) or not whole:
        raise BundleError(f"{path} is damaged (it is not as it was written); {_REMEDY}")


def _check_files(folder: Path, manifest: BundleManifest) -> dict[str, bytes]:
    if unlisted := set(PARTS) - manifest.files.keys():
        names = ", ".join(sorted(unlisted))
        raise BundleError(f"{folder / BUNDLE_FILE} does not list {names}; {_REMEDY}")
    parts = {}
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{path} is missing; {_REMEDY}")
        if name in (*PARTS, LIKENESS_FILE):
            parts[name] = _content(path)
            found = hashlib.sha256(parts[name]).hexdigest()
        else:
            found = file_sha256(path)
        if found != expected:
            raise BundleError(f"{path} is damaged, its sha256 is another; {_REMEDY}")
    return parts


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path, MOST_BYTES)
    except DocumentError as error:
        raise BundleError(f"{path} is damaged (it {error}); {_REMEDY}") from None


def _load_backbones(folder: Path, manifest: BundleManifest, device: torch.device) -> Backbones:
    try:
        backbones = Backbones.load(_with_own_weights(folder, manifest), device)
    except WeightsError as error:
        raise WeightsError(f"{folder} does not hold its backbones: {error}; {_WHOLE}") from None
    expected = manifest.backbones.model_dump()
    if other := [name for name, found in backbones.sha256().items() if found != expected[name]]:
        raise WeightsError(
            f"{folder} was made with other {other[0]} weights than those here (their sha256 is "
            f"{expected[other[0]]}); {_WHOLE}"
        )
    return backbones


def _with_own_weights(folder: Path, manifest: BundleManifest) -> Features:
    """The params of the features; they name the bundle's own weights if it has any."""
    features = manifest.settings.features
    if not manifest.has_backbones:
        return features
    rgb = features.rgb.model_copy(update={"weights": str(folder / BACKBONES["rgb"])})
    points = features.points.model_copy(update={"weights": str(folder / BACKBONES["points"])})
    return features.model_copy(update={"rgb": rgb, "points": points})
