"""LZF, in which PCD's binary_compressed holds its points. Format: liblzf, lzf_d.c."""

from __future__ import annotations

_LITERALS = 32  # control bytes below it start a run of literals
_LONG = 7  # a match of this length has another byte of length


def decompress(data: bytes, size: int) -> bytes:
    """Exactly `size` bytes from a whole LZF stream.

    Raises:
        ValueError: the stream ends early, refers to before its start, or is of another size.
    """
    out = bytearray()
    at = 0
    while at < len(data):
        control = data[at]
        at += 1
        if control < _LITERALS:
            run = data[at : at + control + 1]
            if len(run) != control + 1:
                raise ValueError("the LZF stream ends within a run")
            out += run
            at += control + 1
        else:
            at = _copy_match(data, at, control, out)
        if len(out) > size:
            break
    if len(out) != size:
        raise ValueError(f"the LZF stream is not of {size} bytes")
    return bytes(out)


def _copy_match(data: bytes, at: int, control: int, out: bytearray) -> int:
    """Append the match that the control byte starts. Returns the position of the next control."""
    length = control >> 5
    end = at + (2 if length == _LONG else 1)
    if end > len(data):
        raise ValueError("the LZF stream ends within a match")
    if length == _LONG:
        length += data[at]
    length += 2
    back = ((control & 0x1F) << 8) + data[end - 1] + 1
    if back > len(out):
        raise ValueError("the LZF stream refers to before its start")
    start = len(out) - back
    seen = out[start : start + length]
    # A match may run into what it writes itself: its bytes then repeat.
    out += (seen * (length // len(seen) + 1))[:length]
    return end
