"""A study on the pipeline itself: votes alone, without any training or extraction."""

import pytest

from .project import Project, stages_run

pytestmark = pytest.mark.e2e

STUDY = """# two votes
preset: demo
seeds: [0]
seeded: [model.seed]
set: {evaluate.panels: 0}
tables:
  - title: Votes
    paper: VI
    metrics: [i_auroc, p_auroc]
    rows:
      - {name: Voting, set: {voting.rule: paper}}
      - {name: f(XYZ × RGB), set: {voting.rule: paper, "voting.levels": [[1, 1, 0]]}}
"""


def mentor3ad(project: Project, *arguments: str) -> str:
    return project.run("python", "-m", "pipeline.cli", *arguments).stdout


def test_a_study_of_votes_trains_nothing_and_fills_its_table(finished: Project) -> None:
    (finished.root / "studies").mkdir()
    (finished.root / "studies/votes.yaml").write_text(STUDY)
    said = mentor3ad(finished, "--log-json", "study", "run", "votes")
    assert '"event": "experiment", "number": 2, "of": 2' in said
    logs = list((finished.root / "reports/studies/logs").glob("votes-*.log"))
    assert [stages_run(log.read_text()) - {"report"} for log in logs] == [{"vote", "evaluate"}] * 2
    assert '"event": "vote", "category": "biscuit"' in logs[0].read_text()
    mentor3ad(finished, "study", "show", "votes")
    table = (finished.root / "reports/studies/votes.csv").read_text().splitlines()
    assert len(table) == 5
    assert table[1].startswith("Votes,Voting,I-AUROC,")
    assert table[1].endswith(",1,0.971,")
