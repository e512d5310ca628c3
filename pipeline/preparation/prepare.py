"""Prepare a category: find the part in every scan, once, and note what was found where.

The raw scans are only read. The same scans and options give the same bytes, whatever the number of
workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..buckets.raw import Fetching, no_fetching
from ..dataset.bitmaps import pack_bits
from ..dataset.grid import SIZE, is_part
from ..dataset.manifest import (
    MANIFEST_FILE,
    PUBLISHED_MASKS_FILE,
    WHOLE_MASKS_FILE,
    Manifest,
    ManifestRow,
    PlaneState,
    seal_prepared,
    write_manifest,
)
from ..dataset.scan import RawScan, ScanFiles
from ..dataset.window import Window
from ..exhibits.store import Exhibit
from ..params.schema import Listing, Preparation
from ..plumbing.errors import DataError, UnlikeTrainingError
from ..plumbing.files import check_inside, folder_replaced_whole
from ..plumbing.logs import LOGGER
from ..plumbing.parallel import one_by_one
from ..readers.content import content_sha256, scan_paths, unchanged
from ..readers.layouts import find_layout, list_scans, read_scan
from .foreground import Foreground, extract_foreground
from .kept import Kept, writing_kept
from .masks import MUCH_CLUTTER, check_label, check_place, clutter_words
from .plausible import check_part
from .resize import (
    nearest_points,
    resize_foreground,
    resize_mask,
    resize_mask_as_published,
    resize_points,
    resize_rgb,
    restore_rgb,
)
from .traits import scan_traits
from .views import NO_VIEWS, Views, normals_view, picture_view, table_normal


@dataclass(frozen=True)
class PreparedScan:
    """This is what the backbones see of one scan.

    Attributes:
        rgb: (3, 224, 224) float32, ImageNet-normalised.
        points: (224, 224, 3) float32, metres, camera frame; (0, 0, 0) outside the foreground.
        window: the square of the raw scan that all of them cover.
        picture, normals: (S, S, 3) uint8, the window at other sizes, where they are wanted; see
            `picture_view` and `normals_view`.
    """

    rgb: NDArray[np.float32]
    points: NDArray[np.float32]
    window: Window = field(default=Window(0, 0, SIZE))
    picture: NDArray[np.uint8] | None = None
    normals: NDArray[np.uint8] | None = None

    @property
    def sha256(self) -> str:
        """A hash of `rgb` and `points`: of all that a scan's features depend on beside the
        networks, unless these see it at another size.
        """
        digest = hashlib.sha256()
        for array in (self.rgb, self.points):
            digest.update(f"{array.shape} {array.dtype}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def foreground(self) -> NDArray[np.bool_]:
        """(224, 224) bool: pixels with a point of the part."""
        return is_part(self.points)


@dataclass(frozen=True)
class Part:
    """Where the part is in a scan.

    Attributes:
        foreground: (224, 224) bool, of the window.
        plane: what became of the table.
        window: the square of the raw scan that is brought to 224 x 224.
        clutter: share of the points in dense clusters off the table that were dropped.
    """

    foreground: NDArray[np.bool_]
    plane: PlaneState
    window: Window
    clutter: float = 0.0


Bar = Callable[[Sequence[ScanFiles]], Iterable[ScanFiles]]
Each = Callable[[Path, Sequence[ScanFiles], Preparation, Bar], Iterator[Kept]]


def prepare_category(
    root: Path,
    category: str,
    out: Path,
    options: Preparation,
    layout: Listing,
    *,
    workers: int = 1,
    bar: Bar = iter,
    each: Each | None = None,
    note: Callable[[str], None] = LOGGER.warning,
    fetching: Fetching = no_fetching,
) -> Manifest:
    """Prepare all scans of a category and write manifest, foregrounds and masks to `out`.

    `out` appears whole or not at all, and replaces an earlier preparation. It holds manifest.json,
    foreground.npy and masks.npy, both (N, 6272) uint8: one bit a pixel of 224 x 224, row-major.
    Where scans are cropped, they are of the crops, and whole_masks.npy holds the masks of the whole
    scans; where a scan is not square, masks_as_published.npy has these with CFM's padding. What the
    later stages show and compare lies in pictures.npy and points.npy (see `writing_exhibits`), and
    traits.npy holds the `TRAITS` of all scans.

    Args:
        root: folder of the categories.
        category: name of a folder in root.
        out: the folder to write.
        options: limits of the foreground.
        layout: how the category is laid out.
        workers: threads.
        bar: wraps the scans, to show how many are done.
        each: gives what is kept of each scan, in order; None: threads of this process.
        note: gets a sentence where much was dropped as clutter.
        fetching: brings the files of a scan below root while they are read.

    Raises:
        DataError: the data set or a scan cannot be used; the first such scan in order is named.
    """
    with fetching(find_layout(layout.layout).read_to_list(root / category)):
        scans = list_scans(root, category, layout)
    each = each or partial(_in_threads, workers=workers, fetching=fetching)
    _check_replaceable(out)
    with folder_replaced_whole(out) as folder:
        seen = _Seen()
        with writing_kept(folder) as write:
            rows = seen.rows(each(root, scans, options, bar), write)
            write_manifest(folder, category, options, rows)
        if options.crop == "none":
            (folder / WHOLE_MASKS_FILE).unlink()
        if seen.is_square:
            (folder / PUBLISHED_MASKS_FILE).unlink()
        seal_prepared(folder, category)
    if seen.clutter > MUCH_CLUTTER:
        note(f"{category}: in {seen.cluttered} {clutter_words(seen.clutter)}.")
    return Manifest.load(out)


@dataclass
class _Seen:
    """What is known of scans that went by.

    Attributes:
        is_square: whether all of them are, and so none is padded.
        clutter, cluttered: the largest share of points that were dropped as clutter, and in which.
    """

    is_square: bool = True
    clutter: float = 0.0
    cluttered: str = ""

    def rows(self, scans: Iterable[Kept], write: Callable[[Kept], None]) -> Iterator[ManifestRow]:
        """Write what is kept of each scan; gives its row."""
        for one in scans:
            write(one)
            self.is_square &= one.row.height == one.row.width
            if one.clutter > self.clutter:
                self.clutter, self.cluttered = one.clutter, one.row.id
            yield one.row


def _in_threads(
    root: Path,
    scans: Sequence[ScanFiles],
    options: Preparation,
    bar: Bar,
    workers: int,
    fetching: Fetching,
) -> Iterator[Kept]:
    work = partial(kept_of, root, options=options, fetching=fetching)
    return one_by_one(work, scans, bar, workers)


def load_scan(
    root: Path,
    row: ManifestRow,
    foreground: NDArray[np.bool_],
    views: Views = NO_VIEWS,
    options: Preparation | None = None,
) -> PreparedScan:
    """A prepared scan, for the backbones.

    Args:
        root: folder of the categories, as given to `prepare_category`.
        row: of the manifest.
        foreground: (224, 224) bool, the row's of `load_foreground`.
        views: what the networks want beside the two arrays.
        options: of the manifest; needed for a map of normals.

    Raises:
        DataError: the raw scan cannot be read or is not the one that was prepared.
    """
    files = row.files(root)
    with unchanged(files):
        raw = read_scan(replace(files, mask=None))
        # A view is keyed by the files (docs/decisions/0007), the two arrays by themselves.
        same = views == NO_VIEWS or content_sha256(files) == row.sha256
    scan = _masked(raw, foreground, row.window)
    if not same or scan.sha256 != row.prepared_sha256:
        raise DataError(
            f"{row.points} or its image is not what was prepared as {row.id}: run prepare again."
        )
    return _with_views(scan, raw, views, options)


def prepare_files(files: ScanFiles, options: Preparation) -> PreparedScan:
    """A scan outside any data set: `prepare_raw` of what its files hold.

    Raises:
        DataError: a file is refused, or too little of the part is found; `files.id` names it.
    """
    return prepare_raw(read_scan(files), options, files.id)


def prepare_raw(
    raw: RawScan, options: Preparation, name: str, views: Views = NO_VIEWS
) -> PreparedScan:
    """Bring a scan to what `load_scan` gives of a prepared one; `name` stands in messages.

    Raises:
        DataError: too little of the part is found.
    """
    part = find_part(raw, options, name)
    return _with_views(_masked(raw, part.foreground, part.window), raw, views, options)


def find_part(raw: RawScan, options: Preparation, name: str) -> Part:
    """Find the part in a scan, at full size; `name` stands in messages.

    Raises:
        UnlikeTrainingError: fewer than `options.min_points` foreground points remain at 224 x 224,
            or they are no part; see `check_part`.
    """
    if raw.part_only:
        mask = is_part(raw.points)
        plane: PlaneState = "before"
        clutter = 0.0
    else:
        found = extract_foreground(raw.points, options, name)
        mask, clutter = found.mask, found.clutter
        plane = _plane_state(found, options)
    cropped = options.crop == "part" and mask.any()
    window = Window.around(mask, options.crop_margin) if cropped else Window.whole(*mask.shape)
    foreground = resize_foreground(mask, window)
    count = int(foreground.sum())
    if count < options.min_points:
        raise UnlikeTrainingError(
            f"{name} has {count} foreground points at {SIZE} x {SIZE}, fewer than "
            f"data.foreground.min_points = {options.min_points}: scan the part larger or lower "
            "the limit."
        )
    check_part(foreground, nearest_points(raw.points, window), name)
    return Part(foreground, plane, window, clutter)


def _plane_state(found: Foreground, options: Preparation) -> PlaneState:
    if found.plane is not None:
        return "removed"
    return "none" if options.plane_removal else "off"


def _masked(raw: RawScan, foreground: NDArray[np.bool_], window: Window) -> PreparedScan:
    points = np.where(foreground[..., None], resize_points(raw.points, window), np.float32(0))
    return PreparedScan(resize_rgb(raw.rgb, window), points, window)


def _with_views(
    scan: PreparedScan, raw: RawScan, views: Views, options: Preparation | None
) -> PreparedScan:
    """Add the views that the networks want."""
    if views.picture is not None:
        scan = replace(scan, picture=picture_view(raw, scan.window, views.picture))
    if views.normals is not None:
        assert options is not None
        up = table_normal(raw, options)
        scan = replace(scan, normals=normals_view(raw, scan.window, views, up))
    return scan


def kept_of(
    root: Path, scan: ScanFiles, options: Preparation, fetching: Fetching = no_fetching
) -> Kept:
    """Read and prepare a scan.

    Args:
        root: folder of the categories.
        fetching: as of `prepare_category`.

    Raises:
        DataError: see `prepare_category`.
    """
    with fetching(scan_paths(scan)):
        return _kept_of(root, scan, options)


def _kept_of(root: Path, scan: ScanFiles, options: Preparation) -> Kept:
    with unchanged(scan):
        raw, sha256 = read_scan(scan), content_sha256(scan)
    check_label(scan, raw.mask)
    part = find_part(raw, options, f"{scan.id} ({scan.points})")
    prepared = _masked(raw, part.foreground, part.window)
    row = _row(root, scan, sha256, raw, part, prepared)
    classes = np.zeros((row.height, row.width), np.uint8) if raw.mask is None else raw.mask
    whole = resize_mask(classes)
    mask = whole if row.crop is None else resize_mask(classes, part.window)
    check_place(scan, mask, part.foreground, bool(whole.any()))
    published = whole if row.height == row.width else resize_mask_as_published(classes)
    return Kept(
        row,
        tuple(pack_bits(one) for one in (part.foreground, mask, whole, published)),
        _exhibit(prepared, part, with_picture=scan.split == "test"),
        scan_traits(prepared.rgb, prepared.points),
        part.clutter,
    )


def _exhibit(prepared: PreparedScan, part: Part, with_picture: bool) -> Exhibit:
    picture = restore_rgb(prepared.rgb) if with_picture else None
    return Exhibit(prepared.points[part.foreground], picture)


def _row(
    root: Path, scan: ScanFiles, sha256: str, raw: RawScan, part: Part, prepared: PreparedScan
) -> ManifestRow:
    return ManifestRow(
        id=scan.id,
        split=scan.split,
        label=scan.label,
        defect=scan.defect,
        rgb=_relative(root, scan.rgb),
        points=_relative(root, scan.points),
        mask=None if scan.mask is None else _relative(root, scan.mask),
        sha256=sha256,
        prepared_sha256=prepared.sha256,
        height=raw.rgb.shape[0],
        width=raw.rgb.shape[1],
        n_foreground=int(part.foreground.sum()),
        plane=part.plane,
        crop=None if part.window == Window.whole(*raw.rgb.shape[:2]) else part.window,
        sidecars={role: _relative(root, path) for role, path in sorted(scan.sidecars.items())},
        layout=scan.layout,
        units=scan.units,
        invalid=scan.invalid,
        bits=scan.bits,
    )


def _relative(root: Path, path: Path) -> str:
    return check_inside(root, path).relative_to(root).as_posix()


def _check_replaceable(out: Path) -> None:
    empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not empty and not (out / MANIFEST_FILE).is_file():
        raise DataError(f"{out} holds something else than a preparation: name another folder.")
