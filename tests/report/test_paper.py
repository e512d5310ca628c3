"""The paper's numbers: transcription checked by what the paper printed twice."""

import pytest

from mentor3ad.report.paper import MEAN, OWN, paper_tables, table_of

TABLES = paper_tables()
WITH_MEANS = [
    pytest.param(row, id=f"{table.number} {row.metric} {row.method}")
    for table in TABLES.values()
    if MEAN in table.columns
    for row in table.rows
    if None not in row.values.values()
]


@pytest.mark.parametrize("row", WITH_MEANS)
def test_printed_mean_is_the_mean_of_the_printed_values(row):
    values = [value for column, value in row.values.items() if column != MEAN]
    # The paper truncated some means (AST's AUPRO@30%), hence 0.001 and not half of it.
    assert row.values[MEAN] == pytest.approx(sum(values) / len(values), abs=0.001)


def test_tables_agree_on_the_full_method():
    means = {m: TABLES["I"].row(OWN, m).values[MEAN] for m in ("i_auroc", "aupro_30", "aupro_1")}
    for number, method in (("IV", OWN), ("V", OWN), ("VI", "Voting")):
        values = TABLES[number].row(method).values
        assert {metric: values[metric] for metric in means} == means


def test_values_of_the_abstract_and_text():
    assert TABLES["I"].row(OWN, "i_auroc").values[MEAN] == 0.971
    assert TABLES["II"].row(OWN, "p_auroc").values[MEAN] == 0.977
    assert TABLES["III"].row(OWN, "i_auroc").values == {
        "5": 0.824,
        "10": 0.866,
        "50": 0.916,
        "full": 0.971,
    }


def test_table_of_a_category_set():
    assert table_of(["Duck_2", "Duck_1", "Duck_3"]) is TABLES["VII"]
    assert table_of(list(TABLES["II"].categories)) is TABLES["II"]
    assert table_of(["bagel"]) is None
    assert table_of(["biscuit", "clutch", "nectarine"]) is None


def test_unknown_line():
    with pytest.raises(KeyError, match="table IV has no line of CFM"):
        TABLES["IV"].row("CFM")
