"""LZF: what a compressor wrote comes back, and no stream reads or writes beyond its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.readers.formats.lzf import decompress
from testbed.raw_files import lzf_compress

PLAIN = b"point cloud, point" + b"\0" * 400 + b"ab" * 20
LIBLZF = "0d706f696e7420636c6f75642c2070400c0000e0ff00e07e00016162e01b01016162"


def test_stream_of_liblzf() -> None:
    """Written by liblzf: literals, a short match, and long ones that run into themselves."""
    assert decompress(bytes.fromhex(LIBLZF), len(PLAIN)) == PLAIN


@given(st.lists(st.sampled_from([b"a", b"bc", b"\0" * 300, b"point", b"xyz" * 90])).map(b"".join))
def test_compressed_comes_back(data: bytes) -> None:
    assert decompress(lzf_compress(data), len(data)) == data


@given(st.binary(max_size=64), st.integers(0, 100))
def test_any_stream_gives_its_size_or_a_refusal(stream: bytes, size: int) -> None:
    try:
        plain = decompress(stream, size)
    except ValueError:
        return
    assert len(plain) == size


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"\x02ab", "ends within a run"),
        (b"\x00a\x20", "ends within a match"),
        (b"\x00a\xe0\x01", "ends within a match"),
        (b"\x00a\x20\x01", "before its start"),
        (b"\x00a", "not of 3 bytes"),
        (b"\x00a" + b"\xe0\xff\x00" * 1000, "not of 3 bytes"),
    ],
)
def test_broken_stream(stream: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decompress(stream, 3)
