"""Features of single pixels, gathered from the cache's factors.

F_RGB of a pixel is a weighted sum of the features of 4 cells of a grid (DINO's patches) and F_XYZ
one of 3 group tokens (48 with the reference's 3x3 mean), or of 4 cells too where the point backbone
makes a grid, so maps of 50,176 x 1,920 values are never made for the pixels wanted:

    F(p) = sum_k weight[p, k] * table[row[p, k]].

The rows and weights of a pixel are its taps. They depend on where the pixel lies and not on the
features, so whatever is linear in the features may be done to the table before the sum.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..compute.device import to_device
from ..dataset.grid import PATCHES, SIZE
from .channels import PUBLISHED, Shapes
from .interpolation import bilinear_cells, pool_taps
from .space import FeatureSpace
from .store import ScanFeatures

NewTable = Callable[[tuple[int, int], torch.dtype], Tensor]  # one that is to be filled


class PixelFeatures:
    """Some scans' features, read by (scan, pixel) and handed out on a device."""

    def __init__(
        self,
        scans: Iterable[ScanFeatures],
        device: torch.device,
        tokens: Sequence[int] | None = None,
        new_table: NewTable | None = None,
    ) -> None:
        """Take the scans one by one: beside the tables, no more than one need be in memory.

        Args:
            scans: read once, in order.
            tokens: the `token_count` of each scan; None: all scans are read into memory for it.
            new_table: makes a table of (rows, channels) and a dtype, on the device or the CPU. Such
                tables count as mapped from a file. None: tables in the device's memory.
        """
        if tokens is None:
            scans = list(scans)
            tokens = [token_count(scan) for scan in scans]
        self.device = device
        self.foreground: list[np.ndarray] = []  # (P,) each
        self._starts = np.concatenate([[0], np.cumsum(tokens)])  # of each scan, and the end
        self._first_token = torch.from_numpy(self._starts[:-1]).to(device)  # (S,)
        self.mapped = new_table is not None
        self._new_table = new_table or _tables_on(device)
        self._offsets: tuple[Tensor, Tensor] | None = None
        for scan in scans:
            if not self.foreground:
                self._allocate(scan)
            self._append(scan)

    def _allocate(self, first: ScanFeatures) -> None:
        self._pool = first.pool
        scans = len(self._first_token)
        sources = (first.points, first.xyz, first.tokens)
        points = next(source for source in sources if source is not None)
        new = self._new_table
        self._rgb_side = first.rgb.shape[0]
        self._xyz_side = None if first.xyz is None else first.xyz.shape[0]
        self._rgb = new((scans * self._rgb_side**2, first.rgb.shape[-1]), torch.float16)
        self._tokens = new((int(self._starts[-1]), points.shape[-1]), torch.float16)
        self._channels = self._rgb.shape[1], self._tokens.shape[1]
        self._index: Tensor | None = None
        self._weight: Tensor | None = None
        if self._xyz_side is None:
            self._index = new((scans * SIZE * SIZE, 3), torch.int32)  # in the scan's tokens
            self._weight = new((scans * SIZE * SIZE, 3), torch.float16)

    def _append(self, scan: ScanFeatures) -> None:
        number, pixels = len(self), np.flatnonzero(scan.foreground)
        patches, of_tokens = self._rows_of(number)
        tokens, index, weight = _factors(scan)
        rows = [
            (self._rgb, patches, scan.rgb.reshape(-1, scan.rgb.shape[-1])),
            (self._tokens, of_tokens, tokens),
        ]
        if self._index is not None and self._weight is not None:
            pixels_of = slice(number * SIZE * SIZE, (number + 1) * SIZE * SIZE)
            rows.append((self._index, pixels_of, _set(index).reshape(-1, 3).astype(np.int32)))
            rows.append((self._weight, pixels_of, _set(weight).reshape(-1, 3)))
        for table, place, values in rows:
            table[place] = to_device(values, table.device)
        self.foreground.append(pixels)

    def _rows_of(self, scan: int) -> tuple[slice, slice]:
        """A scan's rows in the tables of F_RGB's cells and of tokens, or F_XYZ's cells."""
        cells = self._rgb_side**2
        return slice(scan * cells, (scan + 1) * cells), slice(
            int(self._starts[scan]), int(self._starts[scan + 1])
        )

    def stored(self, scans: Iterable[int]) -> list[Tensor]:
        """The parts of the tables that hold all that these scans' foreground pixels are made of."""
        parts = []
        for scan in scans:
            patches, tokens = self._rows_of(scan)
            first, last = self.foreground[scan][[0, -1]] + scan * SIZE * SIZE
            pixels = slice(first, last + 1)
            parts += [self._rgb[patches], self._tokens[tokens]]
            if self._index is not None and self._weight is not None:
                parts += [self._index[pixels], self._weight[pixels]]
        return parts

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of F_RGB and F_XYZ as stored, before any feature space."""
        return self._channels

    @property
    def cell_side(self) -> int:
        """Cells along a side of the coarser grid: pixels that share one share much of a feature."""
        return min(self._rgb_side, self._xyz_side or self._rgb_side)

    def __len__(self) -> int:
        return len(self.foreground)

    def in_space(self, space: FeatureSpace) -> "PixelFeatures":
        """The same pixels in a feature space, whose map is applied to the tables.

        A pixel is a weighted sum of the tables' rows with weights that sum to 1, so its components
        are sum_k w_k (f_k B) - o, with f_k the rows, B the basis and o the offset.

        It is done scan by scan: a scan's bits depend neither on the others, since a matrix product
        may round differently at another height, nor on where the tables are.
        """
        if space.rgb is None or space.xyz is None:
            return self
        rgb_basis, xyz_basis = space.rgb.basis, space.xyz.basis
        moved = copy(self)
        moved._rgb = self._new_table((len(self._rgb), rgb_basis.shape[1]), torch.float32)
        moved._tokens = self._new_table((len(self._tokens), xyz_basis.shape[1]), torch.float32)
        for scan in range(len(self)):
            patches, tokens = self._rows_of(scan)
            moved._rgb[patches] = self._rgb[patches].to(self.device).float() @ rgb_basis
            moved._tokens[tokens] = self._tokens[tokens].to(self.device).float() @ xyz_basis
        moved._offsets = (space.rgb.offset, space.xyz.offset)
        return moved

    @property
    def tables(self) -> tuple[Tensor, Tensor]:
        """F_RGB's cells (S * cells, R) and tokens or F_XYZ's cells (T, X).

        In a space, before its `offsets` are subtracted.
        """
        return self._rgb, self._tokens

    @property
    def offsets(self) -> tuple[Tensor, Tensor] | None:
        """What a space subtracts from every pixel's sum, (R,) and (X,); None: all channels."""
        return self._offsets

    def gather(self, scan: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        """Features of N pixels.

        Args:
            scan: (N,) int64 position of the scan; pixel: (N,) int64 y * 224 + x.

        Returns:
            F_RGB (N, R) and F_XYZ (N, X), float32: all channels, or a space's components.
        """
        patches, tokens = self.taps(scan, pixel)
        rgb, xyz = patches.sum(self._rgb), tokens.sum(self._tokens)
        if self._offsets is None:
            return rgb, xyz
        return rgb - self._offsets[0], xyz - self._offsets[1]

    def taps(self, scan: Tensor, pixel: Tensor) -> tuple["Taps", "Taps"]:
        """The taps of N pixels: of F_RGB's cells (N, 4), and of the tokens (N, 3), or (N, 48)
        pooled, or of F_XYZ's cells (N, 4).

        Args:
            scan, pixel: as for `gather`.
        """
        cells = self._rgb_cells(scan, pixel)
        if self._xyz_side is not None:
            cell, cell_weight = _cell_taps(self._xyz_side, self.device)
            index, weight = cell[pixel], cell_weight[pixel]
        elif self._pool:
            index, weight = self._pooled(scan, pixel)
        else:
            return cells, self._own_tokens(scan, pixel)
        return cells, Taps(index + self._first_token[scan][:, None], weight)

    def scan_taps(self, scan: int) -> tuple["Taps", "Taps | PooledTaps"]:
        """`taps` of all foreground pixels of a scan, in their order, for as few reads as can be."""
        pixel = to_device(self.foreground[scan], self.device)
        number = torch.full_like(pixel, scan)
        if self._xyz_side is not None or not self._pool:
            return self.taps(number, pixel)
        source, area = self._sources(pixel)
        place = torch.full((SIZE * SIZE,), -1, dtype=pixel.dtype, device=self.device)
        place[pixel] = torch.arange(len(pixel), device=self.device)
        among = place[source].flatten(1)  # a source on the background has no tokens
        outer = Taps(among.clamp_min(0), area.flatten(1) * (among >= 0))
        return self._rgb_cells(number, pixel), PooledTaps(self._own_tokens(number, pixel), outer)

    def _rgb_cells(self, scan: Tensor, pixel: Tensor) -> "Taps":
        cell, weight = _cell_taps(self._rgb_side, self.device)
        return Taps(scan[:, None] * self._rgb_side**2 + cell[pixel], weight[pixel])

    def _own_tokens(self, scan: Tensor, pixel: Tensor) -> "Taps":
        row = scan * (SIZE * SIZE) + pixel
        index, weight = self._at(self._index, row), self._at(self._weight, row).float()
        return Taps(index + self._first_token[scan][:, None], weight)

    def _at(self, table: Tensor | None, row: Tensor) -> Tensor:
        assert table is not None
        return _rows(table, row)

    def _pooled(self, scan: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        """Indices and weights (N, 48) of the tokens in the reference's 3x3 mean of N pixels.

        The mean takes at most four source rows and four columns of the map, by `pool_taps`, and
        each of these 16 pixels is a sum of three tokens: the weights multiply.
        """
        source, area = self._sources(pixel)
        source = source + scan[:, None, None] * (SIZE * SIZE)
        weight = self._at(self._weight, source).float() * area[..., None]  # (N, 4, 4, 3)
        return self._at(self._index, source).flatten(1), weight.flatten(1)

    def _sources(self, pixel: Tensor) -> tuple[Tensor, Tensor]:
        """The pixels (N, 4, 4) that N pixels of a pooled map are means of, and their weights."""
        first, taps = _pool_taps(self.device)
        y, x = pixel // SIZE, pixel % SIZE
        four = torch.arange(4, device=self.device)
        rows, columns = first[y][:, None] + four, first[x][:, None] + four  # (N, 4) each
        area = (taps[y][:, :, None] * taps[x][:, None]).float()
        return rows[:, :, None] * SIZE + columns[:, None], area


@cache
def _cell_taps(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """`bilinear_cells` of a grid on a device."""
    index, weight = bilinear_cells(side)
    return torch.from_numpy(index).to(device), torch.from_numpy(weight).to(device)


@cache
def _pool_taps(device: torch.device) -> tuple[Tensor, Tensor]:
    """`pool_taps` on a device."""
    first, taps = pool_taps()
    return torch.from_numpy(first).to(device), torch.from_numpy(taps).to(device)


@dataclass(frozen=True)
class Taps:
    """Which rows of a table N pixels are weighted sums of."""

    rows: Tensor  # (N, K) int
    weight: Tensor  # (N, K) float32

    def sum(self, table: Tensor) -> Tensor:
        """(N, C) float32: each pixel's weighted sum of the rows of a table (T, C)."""
        index = self.rows
        if table.dtype != torch.float32 or table.device != index.device:
            rows, index = index.unique(return_inverse=True)
            # The sum is of the table's dtype, so the rows that are read are widened, each once.
            table = _rows(table, rows).float()
        return F.embedding_bag(index, table, mode="sum", per_sample_weights=self.weight)


@dataclass(frozen=True)
class PooledTaps:
    """Which pixels' sums P pixels are weighted sums of: fewer reads than of the 48 rows of each."""

    inner: Taps  # of P pixels
    outer: Taps  # (P, 16) of the inner sums

    def sum(self, table: Tensor) -> Tensor:
        """(P, C) float32, as the taps of the product of both."""
        return self.outer.sum(self.inner.sum(table))


def _tables_on(device: torch.device) -> NewTable:
    return lambda shape, dtype: torch.empty(shape, dtype=dtype, device=device)


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """table[index] on the index's device, to which rows of a table on the CPU are copied."""
    return table[index.to(table.device)].to(index.device)


def token_count(scan: ScanFeatures) -> int:
    """The rows of a scan in the table of tokens: groups, cells or a dense map's foreground."""
    if scan.xyz is not None:
        return scan.xyz.shape[0] * scan.xyz.shape[1]
    return len(scan.tokens) if scan.tokens is not None else int(scan.foreground.sum())


def table_bytes(
    tokens: Sequence[int],
    components: int | None,
    shapes: Shapes = PUBLISHED,
    standardised: bool = False,
) -> int:
    """Bytes of the tables of some scans, and of their tables in a feature space.

    Args:
        tokens: `token_count` of each scan; components: of the space; None: all channels.
        shapes: of the features, as their store says.
        standardised: whether a space of all channels has tables of its own.
    """
    cells = len(tokens) * shapes.rgb.cells
    size = 2 * (cells * shapes.rgb.channels + sum(tokens) * shapes.xyz_channels)
    if shapes.xyz_side is None:
        size += len(tokens) * SIZE * SIZE * 3 * (4 + 2)  # indices and weights
    if components is not None:
        size += 4 * (cells + sum(tokens)) * (components + 1)
    elif standardised:
        size += 4 * (cells * shapes.rgb.channels + sum(tokens) * shapes.xyz_channels)
    return size


def _factors(scan: ScanFeatures) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Tokens (T, X) of a scan, and index and weight of its pixels (50176, 3) if they vary."""
    if scan.xyz is not None:
        return scan.xyz.reshape(-1, scan.xyz.shape[-1]), None, None
    if scan.points is None:
        return _set(scan.tokens), scan.index, scan.weight
    pixels = np.flatnonzero(scan.foreground)  # each is its own token of weight 1
    index = np.zeros((SIZE * SIZE, 3), dtype=np.int32)
    weight = np.zeros((SIZE * SIZE, 3), dtype=np.float16)
    index[pixels, 0], weight[pixels, 0] = np.arange(len(pixels)), 1
    return scan.points[scan.foreground], index, weight


def _set(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return array


def patch_of(pixel: np.ndarray, side: int = PATCHES) -> np.ndarray:
    """The cell, y * side + x, that holds the centre of each pixel; of 28 a side, an 8x8 patch."""
    cell = (2 * np.arange(SIZE) + 1) * side // (2 * SIZE)  # of each row, and column
    return cell[pixel // SIZE] * side + cell[pixel % SIZE]
