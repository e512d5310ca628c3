"""Writers of what the readers read, as plain as the formats allow."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLY_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
PLY_TYPES = {"f4": "float", "f8": "double", "i2": "short"}
PCD_STORAGES = ("ascii", "binary", "binary_compressed")


def png_bytes(samples: NDArray[Any], colour: int) -> bytes:
    """A PNG of (H, W, C) uint8 or uint16 samples, without filters."""
    height, width = samples.shape[:2]
    bits = samples.dtype.itemsize * 8
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def write_ply(
    path: Path,
    points: NDArray[Any],
    form: str = "binary_little_endian",
    lines: tuple[str, ...] = (),
    dtype: str = "f4",
    newline: str = "\n",
) -> Path:
    """(N, 3) points with a colour before and a normal after x, y, z."""
    kind = PLY_TYPES[dtype]
    header = ["ply", f"format {form} 1.0", *lines, f"element vertex {len(points)}"]
    header += ["property uchar red", *(f"property {kind} {axis}" for axis in "xyz")]
    header += ["property float nx", "end_header", ""]
    order = PLY_FORMATS[form]
    path.write_bytes(newline.join(header).encode() + table(points, order, dtype, newline))
    return path


def table(points: NDArray[Any], order: str, dtype: str = "f4", newline: str = "\n") -> bytes:
    """The rows that `write_ply` writes; text where `order` is empty."""
    if not order:
        number = {"f4": np.float32, "f8": np.float64, "i2": np.int16}[dtype]
        texts = (" ".join(str(value) for value in row) for row in points.astype(number))
        return "".join(f"7 {text} 0.5{newline}" for text in texts).encode()
    record = np.dtype(
        [("red", "u1"), *((axis, order + dtype) for axis in "xyz"), ("nx", order + "f4")]
    )
    rows = np.zeros(len(points), record)
    for i, axis in enumerate("xyz"):
        rows[axis] = points[:, i]
    return rows.tobytes()


def write_pcd(
    path: Path,
    points: NDArray[Any],
    storage: str = "binary",
    grid: tuple[int, int] | None = None,
    **changes: str,
) -> Path:
    """(N, 3) float32 points, an `rgb` of two counts before them; `changes` replace header lines."""
    height, width = grid or (1, len(points))
    entries = {"VERSION": ".7", "FIELDS": "rgb x y z", "SIZE": "2 4 4 4", "TYPE": "U F F F"}
    entries |= {"COUNT": "2 1 1 1", "WIDTH": str(width), "HEIGHT": str(height)}
    entries |= {"VIEWPOINT": "0 0 0 1 0 0 0", "POINTS": str(len(points)), "DATA": storage}
    header = "# .PCD v.7 - Point Cloud Data file format\n" + "".join(
        f"{key} {value}\n" for key, value in (entries | changes).items()
    )
    path.write_bytes(header.encode() + _pcd_body(points.astype("<f4"), storage))
    return path


def _pcd_body(points: NDArray[Any], storage: str) -> bytes:
    if storage == "ascii":
        return "".join(f"1 2 {x} {y} {z}\n" for x, y, z in points).encode()
    if storage == "binary_compressed":
        columns = bytes(4 * len(points)) + points.T.tobytes()
        packed = lzf_compress(columns)
        return struct.pack("<II", len(packed), len(columns)) + packed
    rows = np.zeros(len(points), [("rgb", "<u2", 2), ("xyz", "<f4", 3)])
    rows["xyz"] = points
    return rows.tobytes()


def lzf_compress(data: bytes) -> bytes:
    """LZF, with the matches that a table of the last place of each three bytes finds."""
    out, literals, at = bytearray(), bytearray(), 0
    seen: dict[bytes, int] = {}

    def flush() -> None:
        for start in range(0, len(literals), 32):
            run = literals[start : start + 32]
            out.extend([len(run) - 1, *run])
        literals.clear()

    while at < len(data):
        key = data[at : at + 3]
        back = at - seen.get(key, at)
        seen[key] = at
        length = 0
        while 0 < back <= 8192 and length < 264 and at + length < len(data):
            if data[at + length] != data[at + length - back]:
                break
            length += 1
        if length < 3:
            literals.append(data[at])
            at += 1
            continue
        flush()
        high, low = divmod(back - 1, 256)
        short = length - 2
        out.extend([min(short, 7) << 5 | high, *([short - 7] if short >= 7 else []), low])
        at += length
    flush()
    return bytes(out)


def write_coloured_ply(
    path: Path,
    points: NDArray[Any],
    rgb: NDArray[Any],
    form: str = "binary_little_endian",
    names: tuple[str, str, str] = ("red", "green", "blue"),
) -> Path:
    """An organised (H, W, 3) cloud with the colours of (H, W, 3) uint8 or uint16."""
    height, width = points.shape[:2]
    kind = {1: "uchar", 2: "ushort"}[rgb.dtype.itemsize]
    header = ["ply", f"format {form} 1.0", f"obj_info num_cols {width}"]
    header += [f"obj_info num_rows {height}", f"element vertex {height * width}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"property {kind} {name}" for name in names] + ["end_header", ""]
    order = PLY_FORMATS[form]
    xyz, channels = points.reshape(-1, 3), rgb.reshape(-1, 3)
    if not order:
        rows = (" ".join(map(str, (*p, *c))) for p, c in zip(xyz, channels, strict=True))
        body = "".join(f"{row}\n" for row in rows).encode()
    else:
        kinds = [("xyz", order + "f4", 3), ("rgb", f"{order}u{rgb.dtype.itemsize}", 3)]
        table = np.zeros(len(xyz), kinds)
        table["xyz"], table["rgb"] = xyz, channels
        body = table.tobytes()
    path.write_bytes("\n".join(header).encode() + body)
    return path


def write_coloured_pcd(
    path: Path,
    points: NDArray[Any],
    rgb: NDArray[Any],
    storage: str = "binary",
    name: str = "rgb",
    kind: str = "F",
    alpha: int = 255,
) -> Path:
    """(H, W, 3) points and uint8 colours, packed as 0xAARRGGBB into a float or an integer."""
    height, width = points.shape[:2]
    wide = rgb.reshape(-1, 3).astype(np.uint32)
    packed = (alpha << 24 | wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]).astype("<u4")
    colour = packed.view({"F": "<f4", "U": "<u4", "I": "<i4"}[kind])
    xyz = points.reshape(-1, 3).astype("<f4")
    header = f"VERSION .7\nFIELDS x y z {name}\nSIZE 4 4 4 4\nTYPE F F F {kind}\nCOUNT 1 1 1 1\n"
    header += f"WIDTH {width}\nHEIGHT {height}\nPOINTS {len(xyz)}\nDATA {storage}\n"
    if storage == "ascii":
        rows = (f"{x} {y} {z} {c}\n" for (x, y, z), c in zip(xyz, colour, strict=True))
        body = "".join(rows).encode()
    elif storage == "binary":
        table = np.zeros(len(xyz), [("xyz", "<f4", 3), ("rgb", colour.dtype)])
        table["xyz"], table["rgb"] = xyz, colour
        body = table.tobytes()
    else:
        columns = xyz.T.tobytes() + colour.tobytes()
        block = lzf_compress(columns)
        body = struct.pack("<II", len(block), len(columns)) + block
    path.write_bytes(header.encode() + body)
    return path


def write_gocator(
    path: Path, heights: NDArray[Any], pitch: tuple[float, float], descending: bool = False
) -> Path:
    """A Gocator's CSV of (H, W) millimetres, NaN as an empty cell, with rows from low or high y."""
    n_rows, n_columns = heights.shape
    x = [f"{i * pitch[0] - 1.5:.5f}" for i in range(n_columns)]
    y = [i * pitch[1] - 2.5 for i in range(n_rows)]
    lines = ["Info", "CSV Version,Sensor Count", "2,1", "End", "", "Part"]
    lines += ["Frame,Row Count,Column Count,Z Offset", f"1,{n_rows},{n_columns},1.69400"]
    lines += [",".join(["Y\\X", *x])]
    for place, row in zip(y[::-1] if descending else y, heights, strict=True):
        cells = ("" if np.isnan(z) else f"{z:.5f}" for z in row)
        lines.append(",".join([f"{place:.5f}", *cells]))
    path.write_text("\r\n".join([*lines, "End", ""]))
    return path
