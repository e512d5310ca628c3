"""`mentor3ad reproduce`: what is missing is told first, then ours stand beside the paper's."""

import sys
from pathlib import Path

import pytest

from mentor3ad.studies.reproduction import is_within, one_more_run, summary
from mentor3ad.studies.table import Cell, Line, StudyTable
from testbed.clone import Project
from tests.paths import ROOT
from tests.studies.stand_in import STAGE, stand_in

OURS = (0.90, 0.91, 0.92)  # mean 0.91, standard deviation 0.01


def cell(paper: float | None, values: tuple[float, ...] = OURS, comparable: bool = True) -> Cell:
    return Cell(values, paper, comparable)


def test_one_more_run_is_students_interval_and_half_a_digit() -> None:
    # 4.302653 is the 97.5 % point of Student's t with 2 degrees of freedom
    reach = 4.302653 * 0.01 * (4 / 3) ** 0.5 + 0.0005
    assert one_more_run(cell(None)) == pytest.approx((0.91 - reach, 0.91 + reach))


def test_equal_seeds_leave_half_of_the_last_digit() -> None:
    assert is_within(cell(1.0, (0.9996, 0.9996)))
    assert not is_within(cell(1.0, (0.9994, 0.9994)))


@pytest.mark.parametrize(("paper", "within"), [(0.861, True), (0.859, False), (0.97, False)])
def test_the_papers_number_lies_within_or_not(paper: float, within: bool) -> None:
    assert is_within(cell(paper)) is within


@pytest.mark.parametrize(
    "found", [cell(None), cell(0.9, (0.9,)), cell(0.9, ()), cell(0.9, comparable=False)]
)
def test_what_does_not_compare_is_neither(found: Cell) -> None:
    assert is_within(found) is None


def test_the_summary_counts_what_compares() -> None:
    line = Line("I-AUROC", (cell(0.91), cell(0.5), cell(None)))
    table = StudyTable("I", ("a", "b", "c"), (line,), ())
    assert summary([table]).startswith("1 of 2 of the paper's numbers lie within")
    assert summary([]) == "No number can be compared yet."


# Metrics by category, which the seed moves: rope 0.95 to 1.05, so the paper's 1.000 lies within.
CATEGORIES = STAGE.replace(
    'json.dumps({"mean": {"i_auroc": score}})',
    'json.dumps({c: {"i_auroc": score + 0.45} for c in [*params["data"]["categories"], "mean"]})',
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of quick stages with the study of Table I, a data set and weights."""
    made = stand_in(tmp_path_factory.mktemp("reproduce"))
    root = made.root
    text = (ROOT / "studies/table-1.yaml").read_text()
    (root / "studies/table-1.yaml").write_text(text)
    (root / "stages/stage.py").write_text(CATEGORIES)
    dag = (root / "dvc.yaml").read_text()
    (root / "dvc.yaml").write_text(dag.replace("[voting.nu]", "[voting.nu, data.categories]"))
    made.commit()
    for folder in ("train/good", "test/good"):
        for kind, suffix in (("rgb", "png"), ("xyz", "tiff")):
            place = root.parent / "scans/rope" / folder / kind
            place.mkdir(parents=True)
            (place / f"000.{suffix}").write_bytes(b"listed, not read")
    weights = root.parent / "weights"
    weights.mkdir()
    for name in ("vit_base_patch8_224.dino", "point_mae_encoder"):
        (weights / f"{name}.safetensors").write_bytes(b"there")
    return made


def reproduce(project: Project, *arguments: str, weights: str = "weights") -> str:
    command = [sys.executable, "-m", "mentor3ad.cli", "reproduce", *arguments]
    kept = {"MENTOR3AD_WEIGHTS": str(project.root.parent / weights), "HF_HUB_OFFLINE": "1"}
    there = Project(project.root, project.environment | kept)
    return there.run(*command, check=False).stdout


def rope(project: Project, *arguments: str) -> tuple[str, ...]:
    root = str(project.root.parent / "scans")
    return ("table-1", "--root", root, "--categories", "rope", *arguments)


@pytest.mark.e2e
def test_all_that_is_missing_is_one_sentence(project: Project, tmp_path: Path) -> None:
    root = project.root.parent / "scans"
    said = reproduce(project, "table-1", "--root", str(root), weights="none")
    assert said.startswith("error: before table-1 can run: ")
    assert said.count("\n") == 1
    assert "has no folder for bagel, cable_gland," in said
    assert "such as --categories rope" in said
    assert "DINO ViT-B/8 is not here" in said
    assert "Point-MAE is not here" in said


@pytest.mark.e2e
def test_a_category_that_is_no_data_set_is_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "rope").mkdir()
    said = reproduce(project, "table-1", "--root", str(tmp_path), "--categories", "rope")
    assert said.startswith(f"error: before table-1 can run: 'rope' is not a category in {tmp_path}")


@pytest.mark.e2e
def test_a_study_that_is_not_the_papers_is_told(project: Project) -> None:
    (project.root / "studies/own.yaml").write_text(
        "seeds: [0]\nseeded: [model.seed]\ntables: [{title: T, metrics: [i_auroc]}]\n"
    )
    said = reproduce(project, "own", "--root", ".")
    (project.root / "studies/own.yaml").unlink()
    assert said == (
        "error: studies/own.yaml is no table of the paper on public data; those: table-1\n"
    )


@pytest.mark.e2e
@pytest.mark.parametrize("seeds", ["0,0", "a", "-1"])
def test_seeds_are_whole_numbers_each_once(project: Project, seeds: str) -> None:
    said = reproduce(project, *rope(project), "--seeds", seeds)
    assert said.startswith(f"error: --seeds {seeds}: give whole numbers")


@pytest.mark.e2e
def test_it_runs_once_and_stands_beside_the_paper(project: Project) -> None:
    before = (project.root / "params.yaml").read_bytes()
    assert "6 of 6 experiments would run" in reproduce(project, *rope(project, "--dry-run"))
    assert "No number can be compared yet." in reproduce(project, *rope(project, "--show"))
    said = reproduce(project, *rope(project))
    rows = [" ".join(line.split()) for line in said.splitlines()]
    assert "table-1: 6 of 6 experiments to run" in rows
    assert "I-AUROC Mentor3AD rope 1.100 ± 0.100 0.603 to 1.597 1.000 yes" in rows
    assert "mean 1.100 ± 0.100 0.603 to 1.597 0.971 -" in rows  # of one category, not of ten
    assert rows[-1].startswith("2 of 2 of the paper's numbers lie within")
    assert (project.root / "params.yaml").read_bytes() == before
    assert "table-1: 0 of 6 experiments to run" in reproduce(project, *rope(project))
    assert reproduce(project, *rope(project, "--show")) in said + "\n"
