"""Documents are read within bounds: regular files, sizes, depth, aliases and numbers."""

import contextlib
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.plumbing.documents import (
    MAX_DEPTH,
    DocumentError,
    dump_json,
    open_regular,
    parse_json,
    parse_yaml,
    read_bytes,
    read_json,
    read_lines,
    read_text,
    write_json,
)
from tests.paths import ROOT

FINITE = st.floats(allow_nan=False, allow_infinity=False)
BOMB = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
BOMB += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
MERGES = ["a0: &a0 {x: 1}"]
MERGES += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 9)]


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xc3\xa4\r\n")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"\xc3\xa4\r\n"
    assert read_text(tmp_path / "a") == "ä\r\n"


def test_a_link_to_a_regular_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("7")
    (tmp_path / "b").symlink_to("a")
    assert read_json(tmp_path / "b") == 7


@pytest.mark.timeout(10)
def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(OSError, match="it is a FIFO, not a regular file"):
        open_regular(tmp_path / "a")


def test_other_things_than_files_are_refused_by_their_kind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="it is a folder"):
        read_bytes(tmp_path)
    with pytest.raises(OSError, match="it is a device"):
        read_bytes(Path("/dev/zero"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(OSError, match="it is a socket"):
            read_bytes(tmp_path / "s")


def test_lines_are_bounded_each_by_itself(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234\n" * 3 + b"\xff")
    assert list(read_lines(tmp_path / "a", 5)) == [b"1234\n"] * 3 + [b"\xff"]
    with pytest.raises(DocumentError, match="has a line of over 4 bytes"):
        list(read_lines(tmp_path / "a", 4))


def test_a_file_over_its_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(11))
    assert len(read_bytes(tmp_path / "a", 11)) == 11
    with pytest.raises(DocumentError, match="is over 10 bytes"):
        read_bytes(tmp_path / "a", 10)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(DocumentError, match="is no text in UTF-8"):
        read_json(tmp_path / "a")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_not_finite_are_refused_by_name(number: str) -> None:
    with pytest.raises(DocumentError, match=f"holds {number}, which is no finite number"):
        parse_json(f'{{"a": [1.5, {number}]}}')


@pytest.mark.parametrize(("parse", "sign"), [(parse_json, ""), (parse_yaml, "-")])
@pytest.mark.parametrize("digits", [41, 400, 5000])
def test_endless_integers_are_refused(parse, sign: str, digits: int) -> None:
    with pytest.raises(DocumentError, match="holds an integer of"):
        parse(f'{{"a": {sign}{"9" * digits}}}')


@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
def test_what_is_within_bounds_is_read(parse) -> None:
    assert parse('{"a": [1, 2.5e-3, null, true, "NaN"]}') == {"a": [1, 2.5e-3, None, True, "NaN"]}
    assert parse("9" * 40) == int("9" * 40)
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse(deepest)[0][0] is not None


@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
@pytest.mark.parametrize("text", ["[" * 6000, "[" * 6000 + "]" * 6000, '{"a":' * 3000])
def test_brackets_without_end_are_refused_at_once(parse, text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(DocumentError):
        parse(text)
    assert time.perf_counter() - start < 5


def test_blocks_without_end_are_refused() -> None:
    with pytest.raises(DocumentError, match="is nested too deep"):
        parse_yaml("\n".join(f"{' ' * i}a:" for i in range(300)))


@pytest.mark.parametrize("text", ["\n".join(BOMB), "\n".join(MERGES), "a: &a [*a]"])
def test_aliases_that_multiply_are_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="values once its aliases are followed"):
        parse_yaml(text)


def test_an_alias_or_two_are_no_bomb() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: {<<: {c: *a}}") == {"a": [1, 2], "b": {"c": [1, 2]}}


@pytest.mark.parametrize("text", ["a: \0", "a: [", "a: !!python/name:os.getcwd", "{a: 1, a: 2}"])
def test_what_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="is not valid YAML") as error:
        parse_yaml(text)
    assert "\n" not in str(error.value)


def test_what_is_written_is_valid_json() -> None:
    assert dump_json({"a": 0.1}) == '{"a": 0.1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"a": [float("nan")]})


def test_nothing_else_writes_json() -> None:
    """`json.dumps` writes NaN, which no other program reads: `dump_json` is to be used."""
    files = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "stages").glob("*.py")]
    users = [file.name for file in files if "json.dump" in file.read_text(encoding="utf-8")]
    assert users == ["documents.py"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**39), 10**39) | FINITE | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read(content: object) -> None:
    assert parse_json(dump_json(content)) == content


@given(VALUES)
def test_what_is_written_piece_by_piece_is_the_whole_text(content: object) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.json"
        write_json(path, content)
        assert path.read_bytes().decode() == dump_json(content, indent=1) + "\n"


TEXTS = "&a |*a|[|]|{|}|: |- |  |!!int |!!python/name:os.system|'|<<: |? |>|1e999|NaN|.nan|#|%YAML"
PIECES = st.sampled_from([*TEXTS.split("|"), "|", '"', "\n", "\0", "\ud800", "9" * 5000])


@given(st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join))
@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
def test_any_text_is_read_or_refused(parse, text: str) -> None:
    with contextlib.suppress(DocumentError):
        parse(text)
