"""One cloud in a bag of ROS 1, through rosbags: a message of type sensor_msgs/PointCloud2.

Lengths are metres (REP 103). A cloud of several rows is organised.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...plumbing.errors import DataError
from .checks import decoding, truncated
from .colours import colour_names, stack_colours
from .format import Format, from_extra
from .records import AXES, Cloud, Field, check_count, check_fields, stack_axes

_SIGNATURE = b"#ROSBAG V2.0"
_CLOUD = "sensor_msgs/msg/PointCloud2"
_TYPES = dict(enumerate(("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"), 1))
_PACKED = (b"compression=bz2", b"compression=lz4")
_BLOCK = 2**20  # bytes searched at once


def read_bag(path: Path) -> Cloud:
    """The only cloud of the bag.

    Raises:
        DataError: damaged, compressed, no cloud or several, or a cloud that is not x, y, z.
    """
    with decoding(path):
        _check_not_packed(path)
        message = _only_cloud(path)
        order = ">" if message.is_bigendian else "<"
        fields = [_field(path, one, order) for one in message.fields]
        check_fields(path, fields)
        height, width = int(message.height), int(message.width)
        grid = (height, width) if height > 1 else None
        check_count(path, height * width, grid)
        columns = _columns(path, message, fields)
        return Cloud(stack_axes(columns), grid, stack_colours(columns, fields), "m")


def has_colour(path: Path) -> bool:
    """Whether the cloud has colours; DataError where there is none."""
    return read_bag(path).colours is not None


def _check_not_packed(path: Path) -> None:
    """A few bytes of bzip2 can stand for gigabytes, and the reader sets no limit."""
    tail = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if any(mark in tail + block for mark in _PACKED):
                raise DataError(f"{path} is compressed: run rosbag decompress on it.")
            tail = block[-len(_PACKED[0]) :]


def _only_cloud(path: Path) -> Any:
    rosbag1 = from_extra(path, "rosbags.rosbag1")
    typesys = from_extra(path, "rosbags.typesys")
    with rosbag1.Reader(path) as reader:
        known = [one for one in reader.connections if one.msgtype == _CLOUD]
        count = sum(one.msgcount for one in known)
        if count != 1:
            raise DataError(
                f"{path} has {count} PointCloud2 messages: save one cloud a bag, or convert it "
                "(RealSense: rs-convert -i BAG -l OUT writes PLY)."
            )
        _, _, raw = next(iter(reader.messages(connections=known)))
        store = typesys.get_typestore(typesys.Stores.ROS1_NOETIC)
        return store.deserialize_ros1(raw, _CLOUD)


def _field(path: Path, field: Any, order: str) -> Field:
    if field.datatype not in _TYPES or not 1 <= field.count <= 4096:
        raise DataError(f"{path} has the field {field.name[:80]!r} of an unknown type.")
    return Field(field.name, np.dtype(order + _TYPES[field.datatype]), int(field.count))


def _columns(path: Path, message: Any, fields: list[Field]) -> dict[str, Any]:
    """(N,) of x, y, z and the colour; rows may have bytes after their last point."""
    height, width, step = int(message.height), int(message.width), int(message.point_step)
    row_bytes = int(message.row_step) if height > 1 else width * step
    if row_bytes < width * step or len(message.data) < height * row_bytes:
        raise truncated(path)
    rows = message.data[: height * row_bytes].reshape(height, row_bytes)[:, : width * step]
    names = (*AXES, *colour_names(fields))
    wanted = [(f, o) for f, o in zip(fields, message.fields, strict=True) if f.name in names]
    if any(place.offset + field.n_bytes > step for field, place in wanted):
        raise truncated(path)
    record = np.dtype(
        {
            "names": [field.name for field, _ in wanted],
            "formats": [field.dtype for field, _ in wanted],
            "offsets": [int(place.offset) for _, place in wanted],
            "itemsize": step,
        }
    )
    table = np.frombuffer(np.ascontiguousarray(rows).tobytes(), record)
    return {name: table[name] for name in names}


BAG = Format("BAG", frozenset({".bag"}), (_SIGNATURE,), read_bag, has_colour)
