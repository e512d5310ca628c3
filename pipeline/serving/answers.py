"""What the service answers: the models behind its OpenAPI description."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Status = Literal["good", "defective", "unlike training", "error"]
Mark = Literal["ok", "ng"]
ScanId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]


class FoundRegion(BaseModel):
    """A connected region of the part above the threshold."""

    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels of the picture
    centre_px: tuple[float, float]  # x, y in pixels of the picture
    centre_mm: tuple[float, float, float] | None  # x, y, z in the camera's frame
    pixels: int  # of the 224 x 224 map
    area_mm2: float | None  # of its surface
    depth_mm: float | None  # off the surface around it: above 0 towards the camera
    peak: float
    mean: float


class ScanResult(BaseModel):
    """The result of one scan, as it stands in the history."""

    seq: int  # number in the history, from 1 upwards
    id: str  # the client's, or one that the service has made
    recipe: str
    category: str
    bundle: str  # version of the bundle
    name: str  # of the scan: its image's
    source: str  # upload, path, watch or trigger
    time: float  # of the decision, in seconds since 1970 (UTC)
    status: Status
    score: float | None = None
    threshold: float | None = None
    defective: bool | None = None
    seconds: float | None = None  # from reading the files to the decision
    error: str | None = None  # why the scan could not be inspected
    reason: str | None = None  # why it is unlike the training, so that it is not decided
    shares: dict[str, float] = {}  # of each score map in the score
    regions: list[FoundRegion] = []
    maps: dict[str, str] = {}  # addresses of pictures, by kind
    mark: Mark | None = None  # what a reviewer said


class DriftEvent(BaseModel):
    """An alarm of a control chart, or its end; each is noted once."""

    seq: int  # number among the events, from 1 upwards
    recipe: str
    bundle: str  # version of the bundle
    chart: str
    event: Literal["alarm", "cleared"]
    scan: int  # number of the last result that the chart had taken
    time: float  # in seconds since 1970 (UTC)
    text: str


class NamedScan(BaseModel):
    """A scan by its paths below the service's root."""

    rgb: str
    geometry: str
    id: ScanId | None = None


class NamedScans(BaseModel):
    """Several scans by their paths."""

    scans: Annotated[list[NamedScan], Field(min_length=1)]


class ResultOrRefusal(BaseModel):
    """One scan's part of the answer to several."""

    code: int  # the status code that the scan would have had alone
    result: ScanResult | None = None
    refusal: str | None = None


class Marking(BaseModel):
    """A reviewer's word on a scan; null takes it back."""

    mark: Mark | None


class Refusal(BaseModel):
    """Why there is no result."""

    detail: str


class Readiness(BaseModel):
    """Whether scans are taken, and what stands in the way."""

    ready: bool
    recipes: dict[str, str]  # versions by name
    queue: int
    problems: list[str]


class ShiftCounts(BaseModel):
    """How many results there are since some time, by status and by mark."""

    since: float
    good: int = 0
    defective: int = 0
    unlike: int = 0
    error: int = 0
    ok: int = 0
    ng: int = 0
