"""Writers of the containers that the extra `formats` reads, by the same libraries."""

from pathlib import Path
from typing import Any

import h5py
import laspy
import numpy as np
import pye57
from numpy.typing import NDArray
from rosbags.rosbag1 import Writer
from rosbags.typesys import Stores, get_typestore


def write_e57(
    path: Path, points: NDArray[Any], rgb: NDArray[Any] | None = None, organised: bool = True
) -> Path:
    """(H, W, 3) metres; NaN is left out, as scanners do, which the rows and columns show."""
    known = np.isfinite(points).all(axis=-1)
    row, column = np.nonzero(known)
    data = {f"cartesian{a}": points[known][:, i].astype(float) for i, a in enumerate("XYZ")}
    if rgb is not None:
        names = ("colorRed", "colorGreen", "colorBlue")
        data |= {name: rgb[known][:, i].astype(np.uint8) for i, name in enumerate(names)}
    if organised:
        data |= {"rowIndex": row.astype(np.int32), "columnIndex": column.astype(np.int32)}
    file = pye57.E57(str(path), mode="w")
    file.write_scan_raw(data)
    file.close()
    return path


def write_las(path: Path, points: NDArray[Any], rgb: NDArray[Any] | None = None) -> Path:
    """(N, 3) to a tenth of a millimetre, colours of 16 bits."""
    header = laspy.LasHeader(point_format=0 if rgb is None else 2, version="1.2")
    header.scales = np.full(3, 1e-4)
    cloud = laspy.LasData(header)
    cloud.x, cloud.y, cloud.z = points.T
    if rgb is not None:
        cloud.red, cloud.green, cloud.blue = rgb.T
    cloud.write(path)
    return path


def write_bag(
    path: Path,
    points: NDArray[Any],
    rgb: NDArray[Any] | None = None,
    *,
    messages: int = 1,
    compressed: bool = False,
    padding: int = 0,
    **changes: Any,
) -> Path:
    """(H, W, 3) float32 as PointCloud2 messages; `changes` replace the message's own fields."""
    store = get_typestore(Stores.ROS1_NOETIC)
    types = store.types
    height, width = points.shape[:2]
    kinds: list[tuple[str, str]] = [(axis, "<f4") for axis in "xyz"]
    kinds += [("pad", "<u4")] + ([] if rgb is None else [("rgb", "<f4")])
    table = np.zeros((height, width), kinds)
    for i, axis in enumerate("xyz"):
        table[axis] = points[..., i]
    if rgb is not None:
        wide = rgb.astype(np.uint32)
        table["rgb"] = (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).view(np.float32)
    rows = np.zeros((height, width * table.itemsize + padding), np.uint8)
    rows[:, : width * table.itemsize] = table.view(np.uint8).reshape(height, -1)
    field = types["sensor_msgs/msg/PointField"]
    fields = [
        field(name=name, offset=offset, datatype=7, count=1)
        for name, (_, offset, *_) in (table.dtype.fields or {}).items()
        if name != "pad"
    ]
    time = types["builtin_interfaces/msg/Time"](sec=0, nanosec=0)
    values: dict[str, Any] = {
        "header": types["std_msgs/msg/Header"](seq=0, stamp=time, frame_id="camera"),
        "height": height,
        "width": width,
        "fields": fields,
        "is_bigendian": False,
        "point_step": table.itemsize,
        "row_step": rows.shape[1],
        "data": rows.reshape(-1),
        "is_dense": False,
    }
    kind = "sensor_msgs/msg/PointCloud2"
    with_bag = Writer(path)
    if compressed:
        with_bag.set_compression(Writer.CompressionFormat.BZ2)
    with with_bag as bag:
        connection = bag.add_connection("/points", kind, typestore=store)
        for i in range(messages):
            message = types[kind](**values | changes)
            bag.write(connection, i, store.serialize_ros1(message, kind))
    return path


def write_zdf(path: Path, points: NDArray[Any], rgba: NDArray[Any] | None, **how: Any) -> Path:
    """(H, W, 3) millimetres and (H, W, 4) colours."""
    with h5py.File(path, "w") as file:
        group = file.create_group("data")
        group.create_dataset("pointcloud", data=points.astype(np.float32), **how)
        if rgba is not None:
            group.create_dataset("rgba_image", data=rgba)
    return path
