"""The colour of each point, where a cloud has one beside its x, y and z.

PLY holds three properties of 8 or 16 bits. PCD packs them into the bits of one number, 0xRRGGBB
from its highest byte but one, which is a float in most files and an integer in the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .records import Field

_CHANNELS = (
    ("red", "green", "blue"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ("r", "g", "b"),
)
_PACKED = ("rgb", "rgba")
_CHANNEL_TYPES = (np.uint8, np.uint16)


def colour_names(fields: Sequence[Field]) -> tuple[str, ...]:
    """The three channels' names, or the one of the packed colour; empty where there is neither."""
    for names in _CHANNELS:
        if all(_only(fields, name, _is_channel) for name in names):
            return names
    return next(((name,) for name in _PACKED if _only(fields, name, _is_packed)), ())


def stack_colours(
    columns: Mapping[str, NDArray[Any]], fields: Sequence[Field]
) -> NDArray[np.uint8] | None:
    """(N, 3) uint8 of RGB; None where the fields have no colour.

    Args:
        columns: what the body holds under `colour_names`, in the fields' types or, of text, in
            float64. 16 bits become 8 as in images: divided by 257, rounded.
    """
    names = colour_names(fields)
    types = {field.name: field.dtype for field in fields}
    if len(names) == 3:
        return np.stack([_narrow(columns[name], types[name]) for name in names], axis=-1)
    if len(names) == 1:
        bits = _bits(columns[names[0]], types[names[0]])
        channels = [(bits >> shift & 0xFF).astype(np.uint8) for shift in (16, 8, 0)]
        return np.stack(channels, axis=-1)
    return None


def _only(fields: Sequence[Field], name: str, fits: Any) -> bool:
    found = [field for field in fields if field.name == name]
    return len(found) == 1 and found[0].count == 1 and fits(found[0].dtype)


def _is_channel(dtype: np.dtype[Any]) -> bool:
    return dtype.newbyteorder("=") in _CHANNEL_TYPES


def _is_packed(dtype: np.dtype[Any]) -> bool:
    return dtype.itemsize == 4


def _narrow(column: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    top = 255 if dtype.itemsize == 1 else 65535
    whole = np.clip(np.nan_to_num(column), 0, top).astype(np.uint32)
    return (whole if top == 255 else (whole + 128) // 257).astype(np.uint8)


def _bits(column: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.uint32]:
    """Never by way of a float's value: with an alpha of 255 the bits are those of a NaN."""
    unsigned = np.dtype(np.uint32).newbyteorder(dtype.byteorder)
    if column.dtype == dtype:
        return np.ascontiguousarray(column).view(unsigned).astype(np.uint32)
    known = np.nan_to_num(column, posinf=0, neginf=0)  # text
    if dtype.kind == "f":
        return known.astype(np.float32).view(np.uint32)
    return (np.clip(known, -(2**31), 2**32 - 1).astype(np.int64) & 0xFFFFFFFF).astype(np.uint32)
