"""The manifest of a prepared category: a row for each scan, and what made the foregrounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from ..params.schema import Preparation, Units
from ..plumbing.documents import dump_json, parse_json
from ..plumbing.errors import ConfigError, DataError
from ..plumbing.files import check_inside
from ..plumbing.pieces import parsed_in_pieces, repeated
from ..seals.arrays import array_in
from ..seals.mapped import release
from ..seals.seal import Seal, write_seal
from ..seals.sealed import Sealed
from .bitmaps import BitMaps
from .scan import Label, ScanFiles, Split
from .window import Window

SCHEMA = 3
PREPARED = "prepared"  # the kind of the out
MANIFEST_FILE = "manifest.json"
FOREGROUND_FILE = "foreground.npy"
MASKS_FILE = "masks.npy"
PUBLISHED_MASKS_FILE = "masks_as_published.npy"  # where a scan is not square
WHOLE_MASKS_FILE = "whole_masks.npy"  # where scans are cropped

# What became of the table under the part. It was removed here; or none was found; or none was
# looked for, as data.plane_removal says; or it had been removed before the scan came here.
PlaneState = Literal["removed", "none", "off", "before"]

_LATER = frozenset({"invalid", "bits"})


Length = Annotated[int, Field(ge=0, le=1 << 31)]


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One scan of a category.

    Attributes:
        id, split, label, defect, layout, units, invalid, bits: as in `ScanFiles`.
        rgb, points, mask, sidecars: POSIX paths relative to the data set's root; mask may be
            absent.
        sha256: of the bytes of the scan's files, see `content_sha256`.
        prepared_sha256: of the two arrays that enter the backbones, see `PreparedScan.sha256`.
        height, width: of the raw scan, pixels.
        n_foreground: foreground points at 224 x 224.
        plane: what became of the table.
        crop: the square of the raw scan that was brought to 224 x 224; None: the whole scan.
    """

    id: str
    split: Split
    label: Label
    defect: str
    rgb: str
    points: str
    mask: str | None
    sha256: str
    prepared_sha256: str
    height: Length
    width: Length
    n_foreground: Length
    plane: PlaneState = "none"
    crop: Window | None = None
    sidecars: dict[str, str] = field(default_factory=dict)
    layout: str = "mvtec3d"
    units: Units = "m"
    invalid: float | None = None
    bits: Length | None = None

    @property
    def window(self) -> Window:
        """The square of the raw scan that was brought to 224 x 224."""
        return self.crop or self.whole

    @property
    def whole(self) -> Window:
        """The square that the whole raw scan is padded to."""
        return Window.whole(self.height, self.width)

    def files(self, root: Path) -> ScanFiles:
        """Where the scan lies under root.

        Raises:
            DataError: a path of the row leads out of root.
        """
        mask = None if self.mask is None else _inside(root, self.mask)
        return ScanFiles(
            id=self.id,
            split=self.split,
            defect=self.defect,
            label=self.label,
            rgb=_inside(root, self.rgb),
            points=_inside(root, self.points),
            mask=mask,
            sidecars={role: _inside(root, path) for role, path in self.sidecars.items()},
            layout=self.layout,
            units=self.units,
            invalid=self.invalid,
            bits=self.bits,
        )

    def to_json(self) -> dict[str, Any]:
        """The row without what came later and is at its default: old manifests stay equal."""
        content = asdict(self)
        return {k: v for k, v in content.items() if v is not None or k not in _LATER}


@dataclass(frozen=True)
class Manifest:
    """What `prepare` found and did; row i belongs to row i of the arrays beside the manifest.

    Attributes:
        schema: version of this layout.
        category: name of the category's folder.
        options: what made the foreground.
        rows: in the order of `list_scans`; many of them stay in the file until they are asked for.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    schema: int
    category: str
    options: Preparation
    rows: Annotated[Sequence[ManifestRow], AfterValidator(tuple)]

    def split(self, split: Split) -> tuple[ManifestRow, ...]:
        """The rows of one split, in order."""
        return tuple(row for row in self.rows if row.split == split)

    @property
    def is_square(self) -> bool:
        """Whether all scans are square, and so none is padded."""
        return all(row.height == row.width for row in self.rows)

    def to_json(self) -> str:
        """The manifest as text; equal manifests give equal text."""
        return "".join(_text(self.schema, self.category, self.options, self.rows))

    @staticmethod
    def load(folder: Path) -> Manifest:
        """Read the manifest in a folder that `prepare_category` wrote.

        Raises:
            CacheError: there is none, or it is not the one that was written.
            DataError: another schema, damaged before it was sealed, or inconsistent.
        """
        path = folder / MANIFEST_FILE
        sealed = Sealed.open(folder, PREPARED)
        mapped = sealed.mark(MANIFEST_FILE).size > 0  # an empty file cannot be
        content = sealed.map(MANIFEST_FILE) if mapped else memoryview(b"")
        try:
            manifest = _in_pieces(content) or _MANIFEST.validate_json(bytes(content))
        except (ValidationError, ConfigError) as error:
            raise _unusable(path, bytes(content), _first(error)) from error
        if manifest.schema != SCHEMA:
            raise _unusable(path, bytes(content))
        if (name := repeated(lambda: (row.id for row in manifest.rows))) is not None:
            raise DataError(f"{path} lists {name} twice: run prepare again.")
        if manifest.category != sealed.seal.category:
            raise DataError(f"{path} is of another category than its seal: run prepare again.")
        return manifest


def write_manifest(
    folder: Path, category: str, options: Preparation, rows: Iterable[ManifestRow]
) -> None:
    """Write the manifest of rows as they come; none of them has to stay in memory."""
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8") as file:
        file.writelines(_text(SCHEMA, category, options, rows))


def _text(
    schema: int, category: str, options: Preparation, rows: Iterable[ManifestRow]
) -> Iterator[str]:
    """A manifest's text in pieces, row by row: as one tree rows take twenty times their text."""
    content = {"schema": schema, "category": category, "options": options.to_json(), "rows": []}
    head, end = dump_json(content, indent=1).rsplit("[]", 1)
    yield f"{head}["
    empty = True
    for row in rows:
        begin = "\n  " if empty else ",\n  "
        yield begin + dump_json(row.to_json(), indent=1).replace("\n", "\n  ")
        empty = False
    yield f"]{end}\n" if empty else f"\n ]{end}\n"


_MANIFEST, _ROWS = TypeAdapter(Manifest), TypeAdapter(list[ManifestRow])
# Where rows begin, part and end in what `to_json` writes; no string holds the end of a line.
_BEFORE, _BETWEEN, _BEHIND = b'\n "rows": [\n  {', b"\n  },\n  {", b"\n  }\n ]\n}\n"
_HEAD, _PIECE = 1 << 16, 1 << 16  # bytes before the rows, at most; of rows at once, at least
_HELD = 1 << 22  # bytes of rows that are parsed for good, at most


def _in_pieces(content: memoryview) -> Manifest | None:
    """The manifest in what `to_json` wrote; None: it is laid out otherwise, or it is damaged.

    Rows take twice their text, and parsing takes three times what it gives.
    """
    head, end = bytes(content[:_HEAD]), len(content) - len(_BEHIND)
    start = head.find(_BEFORE)
    if start < 0 or content[end:] != _BEHIND:
        return None
    try:
        manifest = _MANIFEST.validate_json(head[:start] + b'"rows": []}')
        span = start + len(_BEFORE), end
        rows = parsed_in_pieces(content, span, _BETWEEN, _PIECE, _parse)
    except (ValidationError, ConfigError):
        return None
    return replace(manifest, rows=tuple(rows) if len(content) <= _HELD else rows)


def _parse(piece: memoryview) -> list[ManifestRow]:
    rows = _ROWS.validate_json(b"[{" + bytes(piece) + b"}]")
    release(piece)
    return rows


def _unusable(path: Path, text: bytes, damage: str = "") -> DataError:
    """Why a text is no manifest of this version, which takes another look at it."""
    try:
        raw = parse_json(text.decode("utf-8"))
    except ValueError as reason:
        return DataError(f"{path} cannot be read ({reason}): run prepare again.")
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema != SCHEMA:
        return DataError(
            f"{path} has schema {schema}, this version reads {SCHEMA}: run prepare again."
        )
    return DataError(f"{path} is damaged ({damage}): run prepare again.")


def seal_prepared(folder: Path, category: str) -> Seal:
    """Seal the folder of a category's manifest, once all its files are there."""
    return write_seal(folder, PREPARED, category, {})


def load_foreground(folder: Path, manifest: Manifest) -> BitMaps:
    """(N, 224, 224) bool: the foreground of every row, read by rows.

    Raises:
        CacheError: the array is missing, or not as it was written.
        DataError: it is not the manifest's.
    """
    return _load_bits(folder, FOREGROUND_FILE, manifest)


def load_masks(folder: Path, manifest: Manifest) -> BitMaps:
    """(N, 224, 224) bool: the defects of every row; all False where a scan has no mask.

    Raises:
        CacheError: the array is missing, or not as it was written.
        DataError: it is not the manifest's.
    """
    return _load_bits(folder, MASKS_FILE, manifest)


def load_whole_masks(folder: Path, manifest: Manifest) -> BitMaps:
    """`load_masks` of the whole scans, also where they are cropped."""
    cropped = manifest.options.crop != "none"
    return _load_bits(folder, WHOLE_MASKS_FILE if cropped else MASKS_FILE, manifest)


def load_published_masks(folder: Path, manifest: Manifest) -> BitMaps:
    """`load_whole_masks`, but with the padding as CFM's code fills it.

    Raises:
        CacheError: the array is missing, or not as it was written.
        DataError: it is not the manifest's.
    """
    if manifest.is_square:
        return load_whole_masks(folder, manifest)
    return _load_bits(folder, PUBLISHED_MASKS_FILE, manifest)


def _load_bits(folder: Path, name: str, manifest: Manifest) -> BitMaps:
    path = folder / name
    content = Sealed.open(folder, PREPARED, manifest.category).map(name)
    try:
        packed = array_in(content)
    except ValueError as error:
        raise DataError(f"{path} cannot be read ({error}): run prepare again.") from error
    return BitMaps.of(packed, path, len(manifest.rows))


def _inside(root: Path, relative: str) -> Path:
    parts = PurePosixPath(relative)
    if parts.is_absolute() or ".." in parts.parts:
        raise DataError(f"{relative!r} in the manifest leads out of {root}: run prepare again.")
    return check_inside(root, root / parts)


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
