"""Lines of results: what they hold, and that a journal survives a crash."""

import csv
import json
import os
from pathlib import Path

import pytest

from mentor3ad.inspection.results import COLUMNS, Format, Result, header, line, results_file
from mentor3ad.plumbing.errors import ConfigError

DONE = Result("a", 0.1 + 0.2, 1.5, False, 0.25, source="f00", status="good", shares={"rgb": 0.5})
BAD = Result("b", error='b.png, "half"\nis damaged', source="f01")
FORMATS: list[Format] = ["jsonl", "csv"]


def append(path: Path, form: Format, result: Result, keep: bool = True) -> set[str]:
    with results_file(path, form, keep) as (file, sources):
        file.write(line(result, form))
    return sources


def test_json_lines_hold_what_there_is() -> None:
    assert json.loads(line(DONE, "jsonl")) == {
        "id": "a",
        "score": 0.30000000000000004,
        "threshold": 1.5,
        "defective": False,
        "seconds": 0.25,
        "source": "f00",
        "status": "good",
        "shares": {"rgb": 0.5},
    }
    assert json.loads(line(BAD, "jsonl")).keys() == {"id", "error", "source", "status"}
    assert line(BAD, "jsonl").count("\n") == 1


def test_csv_has_all_columns() -> None:
    rows = list(csv.reader((header("csv") + line(DONE, "csv") + line(BAD, "csv")).splitlines(True)))
    assert rows[0] == COLUMNS
    good = dict(zip(COLUMNS, rows[1], strict=True))
    assert rows[1][:8] == ["a", "0.30000000000000004", "1.5", "false", "0.25", "", "f00", "good"]
    assert json.loads(good["shares"]) == {"rgb": 0.5}
    assert rows[2][:8] == ["b", "", "", "", "", 'b.png, "half"\nis damaged', "f01", "error"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_kept_file_goes_on_and_knows_its_sources(tmp_path: Path, form: Format) -> None:
    path = tmp_path / "new/file"
    assert append(path, form, DONE) == set()
    assert append(path, form, BAD) == {"f00"}
    assert append(path, form, DONE) == {"f00", "f01"}
    assert path.read_text() == header(form) + line(DONE, form) + line(BAD, form) + line(DONE, form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_line_that_was_cut_off_is_taken_back(tmp_path: Path, form: Format) -> None:
    path = tmp_path / "file"
    append(path, form, DONE)
    whole = path.read_text()
    path.write_text(whole + line(DONE, form)[:-3].replace("f00", "f02"))
    assert append(path, form, DONE) == {"f00"}
    assert path.read_text() == whole + line(DONE, form)


def test_a_file_that_is_not_kept_begins_anew(tmp_path: Path) -> None:
    append(tmp_path / "file", "jsonl", DONE)
    assert append(tmp_path / "file", "jsonl", BAD, keep=False) == set()
    assert (tmp_path / "file").read_text() == line(BAD, "jsonl")


def test_two_writers_of_one_file_are_refused(tmp_path: Path) -> None:
    with (
        results_file(tmp_path / "file", "jsonl", True),
        pytest.raises(ConfigError, match="is being written by another process"),
        results_file(tmp_path / "file", "jsonl", True),
    ):
        pass


def test_a_record_that_was_cut_off_within_quotes_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "file"
    append(path, "csv", DONE)
    whole = path.read_text()
    path.write_text(whole + line(BAD, "csv")[: line(BAD, "csv").index("\n") + 1])
    assert append(path, "csv", DONE) == {"f00"}
    assert path.read_text() == whole + line(DONE, "csv")


def test_a_cut_after_bytes_that_are_no_text_keeps_what_is_whole(tmp_path: Path) -> None:
    whole = header("csv").encode() + line(DONE, "csv").encode() + b"\xff,,,,,,f03\n"
    (tmp_path / "file").write_bytes(whole + b"x,")
    assert append(tmp_path / "file", "csv", BAD) == {"f00", "f03"}
    assert (tmp_path / "file").read_bytes() == whole + line(BAD, "csv").encode()


def test_a_journal_with_an_older_releases_columns_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("id,score,source\na,1.0,f00\n")
    with pytest.raises(ConfigError, match="its columns are not those of this release"):
        append(tmp_path / "file", "csv", DONE)


def test_the_other_format_is_refused(tmp_path: Path) -> None:
    append(tmp_path / "file", "jsonl", DONE)
    append(tmp_path / "file", "jsonl", DONE)
    with pytest.raises(ConfigError, match="not a journal of ours"):
        append(tmp_path / "file", "csv", DONE)


@pytest.mark.timeout(10)
def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "file")
    with pytest.raises(ConfigError, match="no regular file"):
        append(tmp_path / "file", "jsonl", DONE)


@pytest.mark.parametrize(
    "text",
    ["no json\n", "[]\n", '{"score": NaN}\n', "[" * 20_000 + "\n", '"' + "x" * (1 << 20) + '"\n'],
    ids=["no JSON", "a list", "NaN", "deep", "long"],
)
def test_a_foreign_file_is_not_a_journal(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ConfigError, match="not a journal of ours"):
        append(path, "jsonl", DONE)
    assert path.read_text() == text
