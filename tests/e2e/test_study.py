"""A study on the pipeline itself: votes alone, without any training or extraction."""

import pytest

from testbed.clone import Project, stages_run

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
      - {name: Gaussian, rival: gaussian, set: {voting.rule: paper}}
"""


def mentor3ad(project: Project, *arguments: str) -> str:
    return project.run("python", "-m", "mentor3ad.cli", *arguments).stdout


def test_a_study_of_votes_trains_nothing_and_fills_its_table(finished: Project) -> None:
    (finished.root / "studies/votes.yaml").write_text(STUDY)
    said = mentor3ad(finished, "--log-json", "study", "run", "votes")
    assert '"event": "experiment", "number": 2, "of": 2' in said
    logs = list((finished.root / "reports/studies/logs").glob("votes-*.log"))
    assert [stages_run(log.read_text()) - {"report"} for log in logs] == [{"vote", "evaluate"}] * 2
    assert '"event": "vote", "category": "biscuit"' in logs[0].read_text()
    mentor3ad(finished, "study", "show", "votes")
    table = (finished.root / "reports/studies/votes.csv").read_text().splitlines()
    assert len(table) == 7  # the rival's row shares the first one's experiment
    assert [line.split(",")[:3] for line in table if "Gaussian" in line] == [
        ["Votes", "Gaussian", "I-AUROC"],
        ["Votes", "Gaussian", "P-AUROC"],
    ]
    assert all(float(line.split(",")[3]) > 0 for line in table if "Gaussian" in line)
    assert table[1].startswith("Votes,Voting,I-AUROC,")
    assert table[1].endswith(",1,0.971,")


def test_its_best_reaches_the_report_and_reruns_nothing_else(finished: Project) -> None:
    """Of the study above, whose tables were shown."""
    assert stages_run(finished.dvc("repro")) == {"report"}
    assert '"study":"votes"' in (finished.root / "reports/index.html").read_text()
    finished.run("git", "checkout", "--quiet", "--force", "HEAD")
    finished.dvc("checkout", "--force")
    assert stages_run(finished.dvc("repro")) == set()
