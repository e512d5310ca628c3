"""Overlays: values set in the text of a YAML file, every other character kept."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.params.presets.overlay import Change, load_yaml, overlay
from mentor3ad.plumbing.errors import ConfigError

PATH = Path("params.yaml")
TEXT = """# head
a: # section
  one: 1 # first
  two: [x, y]  # aligned by hand

  open: # null
  # in between
b:
  list:
    - 1 # of an item
    - 2
  # after the list
  text: 'it''s' # quoted
"""


def test_only_the_value_changes() -> None:
    text, changes = overlay(TEXT, {"a.one": "12345", "a.two": "[]"}, PATH)
    assert text == TEXT.replace(": 1 #", ": 12345 #").replace("[x, y]", "[]")
    assert changes == [Change("a.one", "1", "12345"), Change("a.two", "[x, y]", "[]")]


def test_an_equal_value_keeps_its_spelling() -> None:
    values = {"a.two": '["x", y]', "b.text": '"it\'s"', "b.list": "[1, 2]", "a.open": "null"}
    assert overlay(TEXT, values, PATH) == (TEXT, [])


def test_an_open_value_gets_its_space() -> None:
    text, changes = overlay(TEXT, {"a.open": "3"}, PATH)
    assert text == TEXT.replace("open: # null", "open: 3 # null")
    assert changes == [Change("a.open", "null", "3")]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_list_that_is_not_indented_keeps_its_keys_comment(end: str) -> None:
    text, _ = overlay(f"a: # why{end}- 1{end}- 2 # two{end}b: 3{end}", {"a": "[]"}, PATH)
    assert text == f"a: [] # why # two{end}b: 3{end}"


def test_a_list_on_lines_stays_on_lines_as_dvc_writes_it() -> None:
    text, _ = overlay(TEXT, {"b.list": "[3, [4, 5]]"}, PATH)
    lines = "list:\n  - 3\n  - - 4\n    - 5\n"
    assert text == TEXT.replace("list:\n    - 1 # of an item\n    - 2\n", lines)


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("before", [" []", " 7", ""])
def test_a_list_where_none_was_gets_its_lines_below_the_comment(before: str, end: str) -> None:
    text, _ = overlay(f"a:{before} # why{end}b: 3{end}", {"a": "[1, 2]"}, PATH)
    assert text == f"a: # why{end}- 1{end}- 2{end}b: 3{end}"


def test_null_is_left_blank_as_dvc_writes_it() -> None:
    text, _ = overlay(TEXT, {"a.one": "null"}, PATH)
    assert text == TEXT.replace("one: 1 #", "one: #")


@pytest.mark.parametrize(("before", "after"), [("1", "true"), ("true", "1"), ("1", "1.0")])
def test_another_type_is_a_change(before: str, after: str) -> None:
    text, changes = overlay(f"a: {before}\n", {"a": after}, PATH)
    assert (text, len(changes)) == (f"a: {after}\n", 1)


def test_line_ends_of_windows_stay() -> None:
    text, _ = overlay(TEXT.replace("\n", "\r\n"), {"a.one": "2"}, PATH)
    assert text == TEXT.replace(": 1 #", ": 2 #").replace("\n", "\r\n")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"a\.three is missing; .* another version"):
        overlay(TEXT, {"a.three": "1"}, PATH)


def test_a_shared_value_is_not_changed_in_two_places() -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml: b cannot be set in place"):
        overlay("a: &x [1]\nb: *x\n", {"b": "[2]"}, PATH)


@pytest.mark.parametrize("text", ["", "[]", "a"])
def test_a_file_without_keys_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml holds no keys"):
        overlay(text, {"a": "1"}, PATH)


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n"])
def test_text_that_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml is not valid YAML"):
        overlay(text, {"a": "1"}, PATH)


VALUES = st.sampled_from(["0", "12", "null", "true", "1e-05", "[]", "[a, b]", '"# no comment"'])


@given(st.fixed_dictionaries(dict.fromkeys(("a.one", "a.two", "b.list", "b.text"), VALUES)))
def test_the_values_arrive_and_the_way_back_is_exact(values: dict[str, str]) -> None:
    text, changes = overlay(TEXT, values, PATH)
    content = load_yaml(text, PATH)
    for key, value in values.items():
        section, name = key.split(".")
        assert content[section][name] == load_yaml(value, PATH)
    lists = {"a.two", "b.list"}  # which get lines of their own, without the items' comments
    flat = {c.key: c.before for c in changes if c.key not in lists}
    expected = TEXT if lists.isdisjoint(c.key for c in changes) else None
    back, _ = overlay(text, flat, PATH)
    assert expected is None or back == expected
