"""params.yaml, read and validated in one place. Unknown keys are errors."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from ..buckets.access import ADDRESS as IN_BUCKET
from ..plumbing import documents
from ..plumbing.documents import DocumentError
from ..plumbing.errors import ConfigError
from .categories import Category
from .cluster_address import ClusterAddress
from .rivals import Rivals
from .section import Count, Positive, Section, unique

PARAMS_FILE = Path("params.yaml")
INVENTORIES = Path("data/inventory")  # data.root of scans in a bucket
_LONGEST_VALUE = 200  # characters of a value in a message

Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Units = Literal["m", "mm"]
Light = Annotated[int, Field(ge=0, le=5)]
Bits = Annotated[int, Field(ge=9, le=16)]
Precision = Literal["auto", "float32", "bfloat16"]
Parts = Literal["largest", "all"]
MapName = Literal["rgb", "xyz", "mtr", "near_xyz", "near_rgb"]
Crop = Literal["none", "part"]
Margin = Annotated[float, Field(ge=0, le=1)]
Codec = Literal["raw", "zstd", "blosc"]
Address = Annotated[str, Field(pattern=f"^{IN_BUCKET}$")]  # in a bucket


class Demo(Section):
    categories: list[Name]
    train: Count
    validation: Annotated[int, Field(ge=0)]
    test_good: Count
    test_defect: Count
    size: Annotated[int, Field(ge=64, le=2048)]
    seed: Annotated[int, Field(ge=0)]

    _once = field_validator("categories")(unique)


class ForegroundLimits(Section):
    border_px: Count
    inlier_m: Positive
    removal_m: Positive
    cluster_eps_m: Positive
    cluster_min_points: Count
    piece_share: Annotated[float, Field(gt=0, le=1)]
    piece_gap_m: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    min_points: Count


class Preparation(ForegroundLimits):
    """The params that decide which points belong to the foreground."""

    plane_removal: bool
    crop: Crop
    crop_margin: Margin

    parts: Parts = "largest"

    def to_json(self) -> dict[str, Any]:
        """The options as manifests and reports hold them; `plane_removal` comes first.

        `parts` is left out at its default, so that manifests from before it are equal.
        """
        options = self.model_dump()
        if self.parts == "largest":
            del options["parts"]
        return {"plane_removal": options.pop("plane_removal"), **options}


class Listing(Section):
    """Params of how a data set's files are arranged; docs/data-layouts.md draws each layout."""

    layout: str  # a name in mentor3ad.readers.layouts, which this room lies below: checked there
    light: Light
    test_private: bool
    units: Units
    invalid: Finite | None
    bits: Bits | None
    camera: Annotated[str, Field(min_length=1)] | None
    test_share: Share

    @field_validator("camera")
    @classmethod
    def _stays_inside(cls, value: str | None) -> str | None:
        if value is not None and (Path(value).is_absolute() or ".." in Path(value).parts):
            raise ValueError("must be a path inside the category's folder or data.root")
        return value


class Data(Listing):
    root: str
    bucket: Address | None
    in_bucket: list[Category]
    categories: Annotated[list[Category], Field(min_length=1)]
    plane_removal: bool
    crop: Crop
    crop_margin: Margin
    parts: Parts
    foreground: ForegroundLimits
    train_limit: Count | None
    shots: Count | None
    shots_seed: Annotated[int, Field(ge=0)]

    _once = field_validator("categories", "in_bucket")(unique)

    @model_validator(mode="after")
    def _inventories(self) -> "Data":
        if not self.in_bucket:
            return self
        if self.bucket is None or Path(self.root) != INVENTORIES:
            raise ValueError(
                f"data.in_bucket names categories: set data.bucket to s3://BUCKET/PREFIX and "
                f"data.root to {INVENTORIES}"
            )
        if unknown := sorted(set(self.in_bucket) - set(self.categories)):
            raise ValueError(f"data.in_bucket names {unknown[0]}, which data.categories does not")
        return self

    @property
    def preparation(self) -> Preparation:
        names = ("plane_removal", "crop", "crop_margin", "parts")
        own = {name: getattr(self, name) for name in names}
        return Preparation(**own, **self.foreground.model_dump())


Network = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Side = Annotated[int, Field(ge=32, le=2048)]
Stages = Annotated[list[Annotated[int, Field(ge=0, le=64)]], Field(min_length=1)]


class RGBFeatures(Section):
    model: Network
    layers: Stages | None
    size: Side | None
    weights: str
    tokens: Literal["all", "foreground"]

    _once = field_validator("layers")(unique)

    def to_json(self) -> dict[str, Any]:
        """The options as feature stores hold them.

        The network is left out where it is the paper's, so that stores from before there was a
        choice are equal.
        """
        options = self.model_dump()
        return {k: v for k, v in options.items() if v != PAPER_RGB.get(k, ...)}


# What there was before there was a choice; bundles from then name none.
PAPER_RGB = {"model": "vit_base_patch8_224.dino", "layers": None, "size": None}
PAPER_POINTS = {
    "model": "point_mae",
    "normals": {"model": "tf_efficientnet_lite0", "layers": None, "size": None, "smoothing": 0.0},
}


class Normals(Section):
    """How `features.points.model: normals` sees the points."""

    model: Network
    layers: Stages | None
    size: Side | None
    smoothing: Annotated[float, Field(ge=0, le=20)]  # of pixels

    _once = field_validator("layers")(unique)


class PointFeatures(Section):
    model: Literal["point_mae", "normals"]
    normals: Normals
    weights: str
    groups: Annotated[int, Field(ge=3, le=65535)]
    group_size: Annotated[int, Field(ge=1, le=65535)]
    normalize: Literal["none", "unit_sphere", "per_axis"]
    norm_stats: Literal["running", "sample"]
    pool: bool

    def to_json(self) -> dict[str, Any]:
        """The options as feature stores hold them: those that the model reads.

        Of Point-MAE's store the name of the model is left out, as in `RGBFeatures.to_json`.
        """
        if self.model == "point_mae":
            return self.model_dump(exclude={"model", "normals"})
        return self.model_dump(include={"model", "normals", "weights"})


class Features(Section):
    layout: Literal["factored", "dense"]
    codec: Codec
    shard: Annotated[int, Field(ge=1, le=1024)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    precision: Precision
    rgb: RGBFeatures
    points: PointFeatures


class Whitening(Section):
    components: Annotated[int, Field(ge=1, le=768)] | None  # of the fewer channels, RGB's
    power: Annotated[float, Field(ge=0, le=1)]
    constant: Annotated[float, Field(ge=0, le=100)]
    standardise: bool

    @model_validator(mode="after")
    def _of_all_channels(self) -> "Whitening":
        if self.standardise and self.components is not None:
            raise ValueError(
                "model.whitening.standardise is for all channels: set components to null, or "
                "standardise to false"
            )
        return self


class MFM(Section):
    steps: Count
    scans: Count
    pixels: Count
    dim: Count
    hidden: Count | None
    temperature: Positive
    outer_loss: bool


class MGM(Section):
    steps: Count
    scans: Count
    pixels: Count
    hidden: Count | None
    use_mentor: bool


class MemoryOptions(Section):
    rows: Annotated[int, Field(ge=0, le=1_000_000)]
    neighbours: Annotated[int, Field(ge=2, le=256)]
    ridge: Annotated[float, Field(gt=0, le=10)]
    rgb: bool


class EarlyStop(Section):
    every: Count | None
    patience: Count


class Model(Section):
    lr: Positive
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    precision: Precision
    whitening: Whitening
    mfm: MFM
    mgm: MGM
    memory: MemoryOptions
    early_stop: EarlyStop
    holdout: Share
    min_held_out: Annotated[int, Field(ge=0)]


Rule = Literal["paper", "calibrated", "trusted"]
Svm = Literal["none", "product", "maps"]


def _has_centre(side: int) -> int:
    if side % 2 == 0:
        raise ValueError("box sides must be odd, so that a box has a centre pixel")
    return side


# Far larger ones overflow.
Weight = Annotated[float, Field(gt=0, le=1e6)]
Exponent = Annotated[float, Field(ge=0, le=100)]
BoxSide = Annotated[int, Field(ge=1, le=63), AfterValidator(_has_centre)]


class Voting(Section):
    rule: Rule
    maps: Annotated[list[MapName], Field(min_length=1)]
    weights: Annotated[list[Weight], Field(min_length=3, max_length=3)]
    levels: Annotated[
        list[Annotated[list[Exponent], Field(min_length=3, max_length=3)]], Field(min_length=1)
    ]
    smoothing: list[BoxSide]
    ocsvm: Svm
    nu: Annotated[float, Field(gt=0, le=1)]
    target_fpr: Share
    unlike_fpr: Share | None

    _once = field_validator("maps")(unique)

    @field_validator("levels")
    @classmethod
    def _no_empty_level(cls, value: list[list[float]]) -> list[list[float]]:
        if any(not any(level) for level in value):
            raise ValueError("each level needs an exponent above 0")
        return value


class Evaluate(Section):
    limits: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    panels: Annotated[int, Field(ge=0)]
    views: bool
    most_views: Count


class Runtime(Section):
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
    threads: Count | None
    workers: Count | None
    memory_gb: Positive | None
    engine: Literal["local", "ray"]
    address: ClusterAddress | None
    cluster_workers: Count | None
    store: Address | None


class Params(Section):
    demo: Demo
    data: Data
    features: Features
    model: Model
    voting: Voting
    evaluate: Evaluate
    rivals: Rivals
    runtime: Runtime


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and validate a params file.

    Raises:
        ConfigError: the file is missing or unreadable, or a key is unknown, missing or of a
            wrong value; every problem is named by its key.
    """
    return parse_params(read_text(path), path)


def read_text(path: Path, limit: int = documents.SMALL) -> str:
    """The text of a params file, or of another of the project's, as it is, line ends included.

    Raises:
        ConfigError: the file is missing, holds no text, or has more bytes than `limit`.
    """
    try:
        return documents.read_text(path, limit)
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; run from the folder that holds it") from None
    except DocumentError as error:
        raise ConfigError(f"{path} is not valid YAML: it {error}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): restore it") from None


def parse_params(text: str, path: Path) -> Params:
    """Validate the text of a params file (YAML 1.2, so that 1e-05 is a number).

    Args:
        path: where the text is from, for messages.

    Raises:
        ConfigError: see `load_params`.
    """
    try:
        content = documents.parse_yaml(text)
    except DocumentError as error:
        raise ConfigError(f"{path} {error}") from None
    return validate_params(content, path)


def validate_params(content: object, path: Path) -> Params:
    """Validate the content of a params file; ConfigError names every problem by its key."""
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {validation_problems(error)}") from None


def validation_problems(error: ValidationError) -> str:
    """One line that names every problem by its key."""
    return "; ".join(_problem(e["type"], e["loc"], e["msg"], e["input"]) for e in error.errors())


def _problem(kind: str, location: tuple[int | str, ...], message: str, value: object) -> str:
    key = ".".join(str(part) for part in location) or "the file"
    if kind == "extra_forbidden":
        return f"{key} is not a known param; check its spelling"
    if kind == "missing":
        return f"{key} is missing"
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    shown = repr(value)
    shown = shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}..."
    return f"{key} = {shown}: {message}"
