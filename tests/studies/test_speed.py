"""Speed and memory of Table V, from the bench's record of a machine."""

import json
from pathlib import Path

import pytest

from mentor3ad.studies.definition import Study
from mentor3ad.studies.speed import Speed, cpu_name, recorded_speed
from mentor3ad.studies.table import TableBuilder

CPU, CORES = "Some CPU", 2


def write_record(folder: Path, name: str, cores: int, rate: float, **results: object) -> None:
    rows = [
        {"what": "Mentor3AD", "scans_per_s": rate, "memory_mb": 1500.0},
        {"what": "cfm", "scans_per_s": 2 * rate, "memory_mb": None},
    ]
    record = {
        "machine": {"cpu": CPU, "cores": cores, "gpu": None},
        "commit": "abc123",
        "results": {"speed": {"rows": rows}} | results,
    }
    (folder / name).write_text(json.dumps(record))


def test_the_record_of_this_machine_is_found_among_others(tmp_path):
    (tmp_path / "0.json").write_text("{not json")
    (tmp_path / "1.json").write_text('{"kind": "faults"}')
    write_record(tmp_path, "2.json", cores=16, rate=9.0)
    write_record(tmp_path, "3.json", cores=CORES, rate=0.5)
    found = recorded_speed(tmp_path, CPU, CORES)
    assert found.of(None, "frame_rate") == 0.5
    assert found.of(None, "memory") == 1500
    assert found.of("cfm", "frame_rate") == 1
    assert found.of("cfm", "memory") is None
    assert found.of("btf", "frame_rate") is None
    assert "Some CPU, 2 cores, no GPU, commit abc123" in str(found.note)


def test_a_machine_without_a_record_has_none(tmp_path):
    write_record(tmp_path, "1.json", cores=16, rate=9.0)
    assert recorded_speed(tmp_path, CPU, CORES) == Speed()


def test_this_machine_has_a_name():
    assert cpu_name()


@pytest.fixture
def study() -> Study:
    rows = [{"name": "Mentor3AD"}, {"name": "CFM", "rival": "cfm"}, {"name": "BTF", "rival": "btf"}]
    metrics = ["frame_rate", "memory", "i_auroc"]
    table = {"title": "V", "paper": "V", "metrics": metrics, "rows": rows}
    return Study.model_validate({"seeds": [0], "seeded": ["model.seed"], "tables": [table]})


def test_the_table_has_them_beside_the_papers(study, tmp_path):
    from mentor3ad.report.paper import paper_tables

    write_record(tmp_path, "1.json", cores=CORES, rate=0.5)
    speed = recorded_speed(tmp_path, CPU, CORES)
    builder = TableBuilder(study, lambda experiment: None, ("bagel",), "MVTec 3D-AD", speed)
    table = builder.build(study.tables[0], paper_tables()["V"])
    ours, cfm, btf = table.lines
    assert [cell.values for cell in ours.cells] == [(0.5,), (1500.0,), ()]
    assert cfm.cells[0].values == (1.0,)
    assert cfm.cells[0].paper == 21.755
    assert cfm.cells[0].difference is None  # of another machine
    assert btf.cells[0].values == ()
    assert table.notes[-1] == speed.note
