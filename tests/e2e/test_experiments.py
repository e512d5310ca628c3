"""Experiments: they run what their params reach, beside the workspace or in it."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from mentor3ad.params.schema import load_params
from mentor3ad.report.summary import COLUMNS
from mentor3ad.revisions.outs import Outs
from mentor3ad.revisions.settings import differences
from testbed.clone import ALL_STAGES, CATEGORY, RESULTS, Project, digest, stages_run

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Experiment:
    output: str
    difference: dict[str, Any]  # of the workspace's metrics to the commit's
    reset: str  # what `mentor3ad reset` said


@pytest.fixture(scope="module")
def rate(finished: Project, results: dict[str, dict[str, str]]) -> Experiment:
    """Another learning rate, in the workspace; taken back afterwards."""
    output = finished.dvc("exp", "run", "-n", "rate", "-S", "model.lr=3e-4")
    difference = finished.json("metrics", "diff")
    said = finished.run("python", "-m", "mentor3ad.cli", "reset").stdout
    return Experiment(output, difference, said)


@pytest.fixture(scope="module")
def voting(finished: Project, results: dict[str, dict[str, str]]) -> str:
    """Another voting parameter, in a temporary folder."""
    options = ("-S", "voting.nu=0.3", "-S", "voting.rule=paper")
    return finished.dvc("exp", "run", "--temp", "-n", "voting", *options)


def test_another_learning_rate_trains_again_and_extracts_nothing(rate: Experiment) -> None:
    assert stages_run(rate.output) == ALL_STAGES - {"generate", "prepare", "extract", "rivals"}


def test_a_reset_says_what_it_takes_back(rate: Experiment) -> None:
    assert rate.reset.splitlines() == [
        "params.yaml: model.lr = 0.003 (not 0.0003)",
        "params.yaml and the results are those of the last commit",
    ]


def test_queued_experiments_differ_from_the_commit_by_their_own_values(finished: Project) -> None:
    own = {"rule": ("voting.rule", "paper"), "seed": ("model.seed", 7)}
    for name, (key, value) in own.items():
        finished.dvc("exp", "run", "--queue", "-n", name, "-S", f"{key}={value}")
    commit, *_ = finished.json("exp", "show", "--hide-workspace")
    queued = {row["name"]: row["revs"][0]["data"] for row in commit["experiments"]}
    before = commit["data"]["params"]["params.yaml"]["data"]
    for name, (key, value) in own.items():
        changed = differences(before, queued[name]["params"]["params.yaml"]["data"])
        assert [(one.key, one.after) for one in changed] == [(key, value)]
    finished.dvc("queue", "remove", "--all")


def test_metrics_diff_shows_what_an_experiment_changed(rate: Experiment) -> None:
    changes = rate.difference["reports/metrics.json"]
    assert set(changes) <= {f"{part}.{m}" for part in ("mean", CATEGORY) for m in COLUMNS}
    assert all(change["old"] != change["new"] for change in changes.values())
    assert changes


def test_another_vote_runs_in_a_temporary_folder_and_scores_nothing(voting: str) -> None:
    assert stages_run(voting) - {"report"} == {"vote", "evaluate"}


def test_a_temporary_experiment_leaves_the_workspace_alone(
    finished: Project, rate: Experiment, voting: str, results: dict[str, dict[str, str]]
) -> None:
    assert {name: digest(finished.data(name)) for name in RESULTS} == {
        name: results[name] for name in RESULTS
    }
    assert digest(finished.root / "reports") == results["reports"]


def decisions(content: bytes) -> dict[str, bool]:
    """Whether each scan is rejected, from metrics.json of a category."""
    return {scan["id"]: scan["defective"] for scan in json.loads(content)["scans"]}


def test_a_comparison_shows_params_metrics_and_the_scans_that_changed_sides(
    finished: Project, voting: str
) -> None:
    said = finished.run("python", "-m", "mentor3ad.cli", "compare", "HEAD", "voting").stdout
    assert "voting.rule = paper, voting.nu = 0.3" in said
    page = (finished.root / "reports/compare.html").read_text()
    assert "<tr><th>voting.rule</th><td>calibrated</td><td>paper</td></tr>" in page
    cached = finished.root / ".dvc/cache/files/md5"
    find = ("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/voting")
    commit = finished.run("git", *find).stdout.strip()
    outs = Outs(
        finished.run("git", "show", f"{commit}:dvc.lock").stdout,
        lambda md5: cached / md5[:2] / md5[2:],
    )
    out = f"data/eval/{CATEGORY}"
    after = decisions(outs.read(f"evaluate@{CATEGORY}", out, "metrics.json") or b"")
    before = decisions((finished.root / out / "metrics.json").read_bytes())
    changed = {name for name in before if before[name] != after[name]}
    assert set(re.findall(rf"{CATEGORY}, (\S+), ", page)) == changed
    assert page.count("<img ") == 3 * len(changed)


def test_exp_show_has_params_and_metrics_of_every_experiment(
    finished: Project, rate: Experiment, voting: str
) -> None:
    rows = finished.json("exp", "show")
    revisions = [row["data"] for row in rows]
    revisions += [e["revs"][0]["data"] for row in rows for e in row["experiments"] or []]
    metrics = [r["metrics"]["reports/metrics.json"] for r in revisions]
    assert [m["data"]["mean"].keys() for m in metrics] == [metrics[0]["data"]["mean"].keys()] * 4
    params = [r["params"]["params.yaml"]["data"] for r in revisions]
    shipped = load_params(finished.root / "params.yaml")
    assert sorted(p["model"]["lr"] for p in params) == [3e-4, *[shipped.model.lr] * 3]
    assert sorted(p["voting"]["nu"] for p in params) == [0.3, *[shipped.voting.nu] * 3]
