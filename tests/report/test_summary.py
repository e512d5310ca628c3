"""Metrics of all categories and their table: the mean first, finite numbers, all readable."""

import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mentor3ad.report.summary import COLUMNS, headline, print_summary, summarise, write_summary
from tests.evaluated import evaluate

DECISIONS = {"threshold": 1.23456789, "false_alarms": 1, "misses": 2}


def category(seed: int, masked: bool = True, kinds: tuple[str, ...] = ()) -> dict[str, Any]:
    """Content of one category's metrics.json."""
    kinds = kinds or ("good", "good", "cut", "hole", "cut")
    rng = np.random.default_rng(seed)
    labels = np.array([kind != "good" for kind in kinds])
    masks = np.zeros((len(kinds), 24, 24), bool)
    masks[labels, 4:9, 6:14] = True
    maps = (rng.standard_normal(masks.shape) + masks).astype(np.float32)
    scores = maps.max(axis=(1, 2))
    metrics = evaluate(maps, masks if masked else None, scores, labels, kinds)
    return metrics.to_json() | {"decisions": DECISIONS, "scans": [{"id": "a"}], "notes": ["Why."]}


def table(
    content: dict[str, Any], width: int = 200, notes: dict[str, list[str]] | None = None
) -> str:
    text = io.StringIO()
    print_summary(content, notes or {}, Console(file=text, width=width))
    return text.getvalue()


def values(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        for value in content.values():
            yield from values(value)
    else:
        yield content


CATEGORIES = {"rope": category(0), "foam": category(1)}


def test_the_mean_comes_first_then_the_categories_in_order() -> None:
    assert list(summarise(CATEGORIES)) == ["mean", "rope", "foam"]


@pytest.mark.parametrize("name", list(COLUMNS))
def test_the_mean_is_that_of_the_categories(name: str) -> None:
    expected = (CATEGORIES["rope"][name] + CATEGORIES["foam"][name]) / 2
    assert summarise(CATEGORIES)["mean"][name] == pytest.approx(expected, abs=1e-6)


def test_values_are_rounded_to_six_digits() -> None:
    content = summarise(CATEGORIES)
    assert content["rope"]["decisions"]["threshold"] == 1.234568
    assert content["rope"]["p_auroc"] == round(CATEGORIES["rope"]["p_auroc"], 6)


@pytest.mark.parametrize("name", ["scans", "notes"])
def test_what_is_no_metric_is_left_out(name: str) -> None:
    assert name not in summarise(CATEGORIES)["rope"]


@pytest.mark.parametrize("kinds", [(), ("good", "good"), ("hole", "hole")])
@pytest.mark.parametrize("masked", [True, False])
def test_only_finite_numbers_are_written(
    tmp_path: Path, masked: bool, kinds: tuple[str, ...]
) -> None:
    content = summarise({"rope": category(0, masked, kinds)})
    write_summary(tmp_path / "reports/metrics.json", content)
    read = json.loads((tmp_path / "reports/metrics.json").read_text())
    assert all(math.isfinite(value) for value in values(read))


def test_the_mean_is_over_the_categories_that_have_it() -> None:
    content = summarise({"rope": CATEGORIES["rope"], "foam": category(1, masked=False)})
    assert content["mean"]["p_auroc"] == content["rope"]["p_auroc"]
    assert "p_auroc" not in content["foam"]


def test_the_same_metrics_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_summary(tmp_path / name, summarise(CATEGORIES))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_dvc_shows_the_headline_of_the_mean_and_two_metrics_of_each_category() -> None:
    content = summarise({**CATEGORIES, "tire": category(2)})
    shown = headline(content)
    assert list(shown["mean"]) == list(COLUMNS)
    assert [list(shown[name]) for name in CATEGORIES] == [["i_auroc", "aupro_30"]] * 2
    assert shown["rope"]["aupro_30"] == content["rope"]["aupro_30"]
    assert len(list(values(shown))) <= 12


def test_dvc_is_shown_no_metric_that_a_category_lacks() -> None:
    assert list(headline(summarise({"foam": category(1, masked=False)}))["foam"]) == ["i_auroc"]


def test_the_table_has_a_row_a_category_and_the_mean() -> None:
    content = summarise(CATEGORIES)
    lines = table(content).splitlines()
    for name in ("rope", "foam", "mean"):
        row = next(line for line in lines if name in line)
        assert f"{content[name]['i_auroc']:.3f}" in row
        assert f"{content[name]['aupro_30']:.3f}" in row


def test_the_table_says_how_the_threshold_did() -> None:
    row = next(line for line in table(summarise(CATEGORIES)).splitlines() if "rope" in line)
    assert "1 of 2" in row
    assert "2 of 3" in row


def test_the_table_can_be_read_at_eighty_columns() -> None:
    """The width of a pipe and of many a terminal."""
    text = table(summarise(CATEGORIES), width=80)
    content = summarise(CATEGORIES)
    assert "I-AUROC" in text
    assert f"{content['rope']['i_auroc']:.3f}" in text
    assert f"{content['mean']['aupro_30']:.3f}" in text


def test_a_missing_metric_is_a_dash() -> None:
    content = summarise({"rope": CATEGORIES["rope"], "foam": category(1, masked=False)})
    row = next(line for line in table(content).splitlines() if "foam" in line)
    assert " - " in row


def test_notes_are_printed_below_the_table_with_their_category() -> None:
    text = table(summarise(CATEGORIES), notes={"rope": ["No [masks].", "No sun."], "foam": []})
    assert text.splitlines()[-2:] == ["rope: No [masks].", "rope: No sun."]


def test_a_long_note_is_one_line() -> None:
    """A terminal wraps it by itself; in a log it can be searched for."""
    note = "so many words " * 12
    text = table(summarise(CATEGORIES), width=80, notes={"rope": [note.strip()]})
    assert text.splitlines()[-1] == f"rope: {note.strip()}"
