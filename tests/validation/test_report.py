"""The report: figures of what was read, severity, and the same content for people and machines."""

import json
import os
from pathlib import Path

import pytest

from mentor3ad.readers.layouts.problems import Kind, Problem
from mentor3ad.validation.category import check_category
from mentor3ad.validation.report import CategoryReport, DataSetReport, by_kind, severity, summarize
from mentor3ad.validation.text import describe
from tests.options import listing, preparation
from tests.raw_data_sets import LAYOUTS
from tests.raw_scans import write_data_set

OPTIONS = preparation()


def report_of(root: Path, *categories: CategoryReport) -> DataSetReport:
    return DataSetReport(root, listing(), OPTIONS, categories)


def with_problems(*kinds: Kind) -> DataSetReport:
    problems = tuple(
        Problem(kind, Path(f"{i}.png"), f"{i}.png is wrong.") for i, kind in enumerate(kinds)
    )
    scans = {"train": {}, "validation": {}, "test": {}}
    figures = (None, None, None, None)
    return report_of(Path("raw"), CategoryReport("nut", scans, {}, 0, 0, {}, *figures, problems))


@pytest.fixture
def disc(tmp_path: Path) -> DataSetReport:
    """Four scans, one of them unreadable."""
    root = write_data_set(tmp_path / "raw")
    (root / "disc/train/good/rgb/000.png").write_bytes(b"")
    return report_of(root, summarize(check_category(root, "disc", listing(), OPTIONS)))


def test_the_figures_are_of_what_could_be_read(disc: DataSetReport) -> None:
    [category] = disc.categories
    assert category.scans == {
        "train": {"good": 2},
        "validation": {},
        "test": {"good": 1, "bump": 1},
    }
    assert (category.read, category.sizes) == (3, {"100x90": 3})
    assert (category.planes, category.preprocessed) == ({"removed": 3}, 0)
    assert category.valid_share is not None
    assert category.foreground_share is not None
    assert category.valid_share.min > 0.9
    assert category.foreground_share.max < 0.5


def test_preprocessed_scans_are_counted(tmp_path: Path) -> None:
    write, category, layout = LAYOUTS["eyecandies"]
    root = write(tmp_path)
    report = summarize(check_category(root, category, layout, OPTIONS))
    assert (report.preprocessed, report.planes) == (7, {"before": 7})
    assert report.scans["test"] == {"good": 1, "dents": 1, "combined": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("kinds", "code", "strict"),
    [([], 0, 0), (["unlike"], 0, 2), (["units"], 2, 2), (["duplicate", "leak"], 2, 2)],
)
def test_the_exit_code_is_the_severity(kinds: list[Kind], code: int, strict: int) -> None:
    report = with_problems(*kinds)
    assert (report.exit_code(strict=False), report.exit_code(strict=True)) == (code, strict)


def test_errors_are_told_before_warnings() -> None:
    [category] = with_problems("unlike", "empty_mask", "leak", "layout").categories
    severities = [severity(kind) for kind in by_kind(category.problems)]
    assert severities == ["error", "error", "warning", "warning"]


def test_the_document_holds_every_problem_with_its_path(disc: DataSetReport) -> None:
    content = json.loads(disc.to_json())
    assert (content["schema"], content["errors"], content["warnings"]) == (1, 1, 0)
    [category] = content["categories"]
    assert category["sizes"] == {"100x90": 3}
    assert category["part_m"].keys() == {"min", "median", "max"}
    [problem] = category["problems"]
    assert problem["message"].startswith(f"{problem['path']} is not a PNG file")
    assert (problem["kind"], problem["severity"]) == ("unreadable", "error")
    assert problem["path"].endswith("disc/train/good/rgb/000.png")


def test_the_document_does_not_depend_on_workers(tmp_path: Path) -> None:
    root = write_data_set(tmp_path)
    one, many = (
        summarize(check_category(root, "disc", listing(), OPTIONS, workers=workers))
        for workers in (1, 4)
    )
    assert report_of(root, one).to_json() == report_of(root, many).to_json()


def test_the_text_counts_measures_and_names(disc: DataSetReport) -> None:
    lines = describe(disc, examples=5).splitlines()
    assert lines[0] == "disc: train 2 good; test 1 good, 1 bump"
    assert lines[1].startswith("  pixels: 3 of 100x90; 98.")
    assert lines[2].startswith("  scene: 13")
    assert lines[4] == "  table found and removed in 3"
    assert lines[5] == "  error: unreadable (1)"
    assert "disc/train/good/rgb/000.png" in lines[6]
    assert lines[-1] == "1 error, 0 warnings"


def test_the_text_shows_the_first_of_each_kind() -> None:
    lines = describe(with_problems("leak", "leak", "leak", "unlike"), examples=2).splitlines()
    assert lines == [
        "nut: no scans",
        "  error: leak (3)",
        "    0.png is wrong.",
        "    1.png is wrong.",
        "    and 1 more",
        "  warning: unlike (1)",
        "    3.png is wrong.",
        "3 errors, 1 warning",
    ]


def test_names_that_cannot_be_shown_are_escaped() -> None:
    message = "a\nerror: forged " + os.fsdecode(b"\xff") + " ü"
    problem = Problem("name", Path("a"), message)
    [category] = with_problems().categories
    report = report_of(Path("raw"), CategoryReport(**{**vars(category), "problems": (problem,)}))
    text = describe(report, examples=1)
    assert "a\\nerror: forged \\udcff ü" in text
    text.encode("utf-8")
    json.loads(report.to_json().encode("utf-8"))
