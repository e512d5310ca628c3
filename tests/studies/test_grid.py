"""Expansion of a study into experiments, and what they share."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.studies.definition import Row, Study, TableSpec
from mentor3ad.studies.grid import chains, expand, rows_of, with_values

PAPER = {"voting.rule": "paper"}


def table(*rows: Row, grid: dict[str, list[Any]] | None = None) -> TableSpec:
    return TableSpec(title="T", metrics=["i_auroc"], rows=list(rows), grid=grid or {})


def study(*tables: TableSpec, seeds: tuple[int, ...] = (0,), **values: Any) -> Study:
    return Study(seeds=list(seeds), seeded=["model.seed"], tables=list(tables), **values)


def test_a_row_overrides_the_study_and_a_seed_sets_its_params() -> None:
    one = study(
        table(Row(name="A", set={"voting.nu": 0.3})),
        seeds=(4, 5),
        set={"voting.nu": 0.5, "evaluate.panels": 0},
    )
    assert [e.values for e in expand(one)] == [
        {"voting.nu": 0.3, "evaluate.panels": 0, "model.seed": 4},
        {"voting.nu": 0.3, "evaluate.panels": 0, "model.seed": 5},
    ]


def test_a_grid_is_the_product_of_its_values() -> None:
    rows = rows_of(table(grid={"model.lr": [1e-4, 1e-3], "voting.nu": [0.5]}))
    assert [row.name for row in rows] == [
        "model.lr = 0.0001, voting.nu = 0.5",
        "model.lr = 0.001, voting.nu = 0.5",
    ]
    assert rows[1].set == {"model.lr": 1e-3, "voting.nu": 0.5}


def test_a_table_of_nothing_is_the_method_itself() -> None:
    assert rows_of(table()) == [Row(name="Mentor3AD")]


def test_equal_settings_of_two_tables_run_once() -> None:
    one = study(table(Row(name="Voting", set=PAPER)), table(Row(name="Mentor3AD", set=PAPER)))
    assert [e.row for e in expand(one)] == ["Voting"]


def test_a_row_and_the_grid_must_not_set_the_same() -> None:
    with pytest.raises(ConfigError, match=r"row 'A' sets model\.lr, which its grid varies"):
        rows_of(table(Row(name="A", set={"model.lr": 1.0}), grid={"model.lr": [0.1]}))


def test_rows_of_a_table_need_names_of_their_own() -> None:
    with pytest.raises(ConfigError, match="several rows named A"):
        expand(study(table(Row(name="A"), Row(name="A", set=PAPER))))


@pytest.mark.parametrize(
    ("row", "slug"),
    [
        ("w/o XYZ & Mtr", "without-xyz-mtr-seed0"),
        ("f(XYZ × RGB) × f(Mtr)", "f-xyz-rgb-f-mtr-seed0"),
        ("×", "row-seed0"),
    ],
)
def test_a_slug_is_a_part_of_a_git_reference(row: str, slug: str) -> None:
    assert [e.slug for e in expand(study(table(Row(name=row))))] == [slug]


def test_a_chain_shares_all_expensive_params() -> None:
    values = [{"lr": 1, "nu": 1}, {"lr": 2, "nu": 1}, {"lr": 1, "nu": 2}]
    items = [(v, str(v)) for v in values]
    assert chains(items, frozenset({"lr"})) == [[str(values[0]), str(values[2])], [str(values[1])]]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)), max_size=12))
def test_chains_lose_and_repeat_nothing(values: list[dict[str, int]]) -> None:
    grouped = chains([(v, i) for i, v in enumerate(values)], frozenset({"a"}))
    assert sorted(i for chain in grouped for i in chain) == list(range(len(values)))
    assert len({values[chain[0]].get("a") for chain in grouped}) == len(grouped)


def test_values_are_set_in_a_copy() -> None:
    content = {"model": {"lr": 0.1, "mfm": {"dim": 2}}}
    assert with_values(content, {"model.mfm.dim": 3})["model"] == {"lr": 0.1, "mfm": {"dim": 3}}
    assert content["model"]["mfm"] == {"dim": 2}


@pytest.mark.parametrize("key", ["model", "model.mfm", "model.rate", "model.lr.x", "nothing.lr"])
def test_only_leaves_can_be_set(key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is no param"):
        with_values({"model": {"lr": 0.1, "mfm": {"dim": 2}}}, {key: 1})
