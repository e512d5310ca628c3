"""Arrays of NumPy's format in bytes that were checked, without another copy of them."""

import io

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_LONGEST_HEADER = 1 << 12  # bytes; ours have 128


def array_in(content: memoryview) -> NDArray:
    """The array in the content of a .npy file, read-only; it keeps the content alive.

    Raises:
        ValueError: it is no such file, holds Python objects, or is of another length.
    """
    head = io.BytesIO(content[:_LONGEST_HEADER])
    version = npy.read_magic(head)
    if version != (1, 0):
        raise ValueError(f"format {version} of NumPy's, not (1, 0)")
    shape, fortran, dtype = npy.read_array_header_1_0(head)
    length = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.hasobject or length != len(content) - head.tell():
        raise ValueError(f"{dtype} {shape} do not fit its length")
    return np.ndarray(shape, dtype, content, head.tell(), order="F" if fortran else "C")
