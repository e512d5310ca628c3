"""The DAG through dvc on thirteen tiny scans: what runs, what is skipped, the same bytes again.

Every test works in its own clone with its own home, so that no DVC or git configuration of the
user's is read or written; nothing needs the network.
"""

import contextlib
import hashlib
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from tests.data.scans import disc_points, write_data_set, write_points

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[1]
FILES = ("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore")
FOLDERS = ("pipeline", "stages", ".dvc/plots")
CATEGORY = "biscuit"
TINY = {
    "demo.categories": [CATEGORY],
    "demo.train": 3,
    "demo.validation": 2,
    "demo.test_good": 2,
    "demo.test_defect": 6,
    "demo.size": 96,
    "data.categories": [CATEGORY],
    "features.shard": 2,
    "features.points.groups": 32,
    "features.points.group_size": 8,
    "model.mfm.steps": 5,
    "model.mgm.steps": 5,
    "evaluate.panels": 2,
}
RESULTS = ("prepared", "features", "mfm", "mgm", "scores", "votes", "eval")  # folders of data/


def set_params(content: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        *parents, last = key.split(".")
        place = content
        for parent in parents:
            place = place[parent]
        place[last] = value


@dataclass(frozen=True)
class Project:
    """A clone of the repository's pipeline to run dvc in."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def dvc(self, *arguments: str) -> str:
        return self.run("dvc", *arguments).stdout

    def json(self, *arguments: str) -> Any:
        """What a dvc command prints with --json, warnings left out."""
        done = subprocess.run(
            ["dvc", *arguments, "--json"],
            cwd=self.root,
            env=self.environment,
            text=True,
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)

    def params(self, **values: Any) -> None:
        file, yaml = self.root / "params.yaml", YAML()
        content = yaml.load(file.read_text(encoding="utf-8"))
        set_params(content, {key.replace("__", "."): value for key, value in values.items()})
        yaml.dump(content, file)

    @contextlib.contextmanager
    def changed(self, **values: Any) -> Iterator[None]:
        before = (self.root / "params.yaml").read_bytes()
        self.params(**values)
        yield
        (self.root / "params.yaml").write_bytes(before)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "state")

    def data(self, name: str) -> Path:
        return self.root / "data" / name


def isolated(home: Path) -> dict[str, str]:
    """The environment of a user without any configuration."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DVC", "GIT", "PYTHON"))}
    person = {"NAME": "tester", "EMAIL": "tester@localhost"}
    return kept | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in person.items()},
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
        "DVC_NO_ANALYTICS": "1",
        "HF_HUB_OFFLINE": "1",
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline's files as they are now, so that every clone is of the same code."""
    copy = tmp_path_factory.mktemp("e2e") / "source"
    for name in FILES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def clone(source: Path, name: str, **values: Any) -> Project:
    """A committed copy of the source with params for a run of seconds."""
    root, home = source.with_name(name), source.with_name(f"{name}-home")
    shutil.copytree(source, root, dirs_exist_ok=True)
    home.mkdir()
    project = Project(root, isolated(home))
    tiny = {key.replace(".", "__"): value for key, value in TINY.items()}
    project.params(**(tiny | values))
    project.run("git", "init", "--quiet")
    project.commit()
    return project


def stages_run(output: str) -> set[str]:
    """Names, without the category, of the stages that dvc says it ran."""
    return set(re.findall(r"Running stage '(\w+)", output))


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def numbers(content: Any) -> Iterator[float]:
    if isinstance(content, dict):
        for value in content.values():
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


ALL_STAGES = {
    *("generate", "prepare", "extract", "train_mfm", "train_mgm"),
    *("score", "vote", "evaluate", "report"),
}


@pytest.fixture(scope="module")
def finished(source: Path) -> Project:
    """A project after one `dvc repro`, committed."""
    project = clone(source, "finished")
    output = project.dvc("repro")
    assert stages_run(output) == ALL_STAGES, output
    project.commit()
    return project


@pytest.fixture(scope="module")
def results(finished: Project) -> dict[str, dict[str, str]]:
    """Digests of every result, taken before any experiment."""
    folders = {name: digest(finished.data(name)) for name in RESULTS}
    return folders | {"reports": digest(finished.root / "reports")}


# One run


def test_every_out_is_there(finished: Project, results: dict[str, dict[str, str]]) -> None:
    names = {
        "prepared": {"manifest.json", "foreground.npy", "masks.npy"},
        "mfm": {"module.safetensors", "loss.json"},
        "mgm": {"module.safetensors", "loss.json"},
        "votes": {"voting.json", "anomaly.zarr/zarr.json"},
        "eval": {"metrics.json", *(f"curves/{c}.json" for c in ("roc_object", "roc_pixel", "pro"))},
    }
    for folder, files in names.items():
        assert {f"{CATEGORY}/{file}" for file in files} - set(results[folder]) == set()
    plots = {f"plots/{n}.json" for n in ("roc_object", "roc_pixel", "pro", "loss_mfm", "loss_mgm")}
    assert {"metrics.json", *plots} - set(results["reports"]) == set()
    assert sum(name.startswith("heatmaps/") for name in results["reports"]) == 2
    assert not (finished.root / ".staging").exists() or not any(
        (finished.root / ".staging").iterdir()
    )


def test_metrics_are_sane(finished: Project) -> None:
    metrics = json.loads((finished.root / "reports/metrics.json").read_text())
    assert list(metrics) == ["mean", CATEGORY]
    assert all(math.isfinite(number) for number in numbers(metrics))
    assert all(0 <= value <= 1 for value in metrics["mean"].values())
    names = {"i_auroc", "i_ap", "i_f1_max", "p_auroc", "aupro_30", "aupro_10", "aupro_5", "aupro_1"}
    assert names - set(metrics["mean"]) == set()
    assert (metrics[CATEGORY]["n_good"], metrics[CATEGORY]["n_defect"]) == (2, 6)
    assert sum(kind["n_scans"] for kind in metrics[CATEGORY]["defects"].values()) == 6


def test_losses_have_a_row_a_step(finished: Project) -> None:
    for name in ("mfm", "mgm"):
        rows = json.loads((finished.root / f"reports/plots/loss_{name}.json").read_text())
        assert [(row["category"], row["step"]) for row in rows] == [
            (CATEGORY, step) for step in range(5)
        ]


def test_a_second_repro_runs_nothing(finished: Project) -> None:
    assert stages_run(finished.dvc("repro")) == set()


def test_a_change_of_runtime_runs_nothing(finished: Project) -> None:
    with finished.changed(runtime__threads=1, runtime__device="cpu"):
        assert stages_run(finished.dvc("repro")) == set()


# Experiments


@dataclass(frozen=True)
class Experiment:
    output: str
    difference: dict[str, Any]  # of the workspace's metrics to the commit's


@pytest.fixture(scope="module")
def rate(finished: Project, results: dict[str, dict[str, str]]) -> Experiment:
    """Another learning rate, in the workspace; taken back afterwards."""
    output = finished.dvc("exp", "run", "-n", "rate", "-S", "model.lr=3e-4")
    experiment = Experiment(output, finished.json("metrics", "diff"))
    finished.run("git", "checkout", "--quiet", "--force", "HEAD")
    finished.dvc("checkout", "--force")
    return experiment


@pytest.fixture(scope="module")
def voting(finished: Project, results: dict[str, dict[str, str]]) -> str:
    """Another voting parameter, in a temporary folder."""
    options = ("-S", "voting.nu=0.3", "-S", "voting.ocsvm=maps")
    return finished.dvc("exp", "run", "--temp", "-n", "voting", *options)


def test_another_learning_rate_trains_again_and_extracts_nothing(rate: Experiment) -> None:
    assert stages_run(rate.output) == ALL_STAGES - {"generate", "prepare", "extract"}


def test_metrics_diff_shows_what_an_experiment_changed(rate: Experiment) -> None:
    change = rate.difference["reports/metrics.json"][f"{CATEGORY}.decisions.threshold"]
    assert change["old"] != change["new"]
    assert all(math.isfinite(change[side]) for side in ("old", "new"))


def test_another_vote_runs_in_a_temporary_folder_and_scores_nothing(voting: str) -> None:
    assert stages_run(voting) - {"report"} == {"vote", "evaluate"}


def test_a_temporary_experiment_leaves_the_workspace_alone(
    finished: Project, rate: Experiment, voting: str, results: dict[str, dict[str, str]]
) -> None:
    assert {name: digest(finished.data(name)) for name in RESULTS} == {
        name: results[name] for name in RESULTS
    }
    assert digest(finished.root / "reports") == results["reports"]


def test_exp_show_has_params_and_metrics_of_every_experiment(
    finished: Project, rate: Experiment, voting: str
) -> None:
    rows = finished.json("exp", "show")
    revisions = [row["data"] for row in rows]
    revisions += [e["revs"][0]["data"] for row in rows for e in row["experiments"] or []]
    metrics = [r["metrics"]["reports/metrics.json"] for r in revisions]
    assert [m["data"]["mean"].keys() for m in metrics] == [metrics[0]["data"]["mean"].keys()] * 4
    params = [r["params"]["params.yaml"]["data"] for r in revisions]
    assert sorted(p["model"]["lr"] for p in params) == [3e-4, 1e-3, 1e-3, 1e-3]
    assert sorted(p["voting"]["nu"] for p in params) == [0.3, 0.5, 0.5, 0.5]


# A killed run, resumed in another folder


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _wait(condition: Any, seconds: float, process: subprocess.Popen[Any] | None = None) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        assert process is None or process.poll() is None, "dvc ended before it was killed"
        time.sleep(0.01)


@dataclass(frozen=True)
class Killed:
    project: Project
    stage: int  # process id of the extraction that was under way
    shard_time: int  # when the first shard was written, before the kill
    left: list[str]  # what dvc left of the out


@pytest.fixture(scope="module")
def killed(source: Path) -> Iterator[Killed]:
    """dvc is SIGKILLed, not its stage, while a later shard is being computed."""
    project = clone(source, "killed")
    (project.root / ".dvc/config.local").write_text("[cache]\n    type = hardlink\n")
    staging = project.root / ".staging"
    with subprocess.Popen(
        ["dvc", "repro", "extract"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _wait(lambda: list(staging.glob("*/done/0")), 120, process)
        folder = next(staging.iterdir())
        stage = int((folder / "lock").read_text().removeprefix("pid "))
        shard_time = (folder / "store/rgb/c/0/0/0/0").stat().st_mtime_ns
        time.sleep(random.Random(0).uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
    left = [path.name for path in project.data("features").glob("*") if path.suffix == ".zarr"]
    yield Killed(project, stage, shard_time, left)
    if _alive(stage):
        os.kill(stage, signal.SIGKILL)


@pytest.fixture(scope="module")
def resumed(killed: Killed) -> Project:
    with contextlib.suppress(AssertionError):
        _wait(lambda: not _alive(killed.stage), 10)
    output = killed.project.dvc("repro")
    assert stages_run(output) == ALL_STAGES - {"generate", "prepare"}, output
    return killed.project


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_stage_ends_with_dvc(killed: Killed) -> None:
    _wait(lambda: not _alive(killed.stage), 10)


def test_a_killed_extraction_leaves_no_half_store(killed: Killed) -> None:
    assert killed.left == []


def test_finished_shards_are_not_computed_again(killed: Killed, resumed: Project) -> None:
    shard = resumed.data("features") / f"{CATEGORY}.zarr/rgb/c/0/0/0/0"
    assert shard.stat().st_mtime_ns == killed.shard_time


@pytest.mark.parametrize("name", RESULTS)
def test_a_resumed_run_in_another_folder_gives_the_same_bytes(
    results: dict[str, dict[str, str]], resumed: Project, name: str
) -> None:
    assert digest(resumed.data(name)) == results[name]


def test_a_resumed_run_in_another_folder_gives_the_same_report(
    results: dict[str, dict[str, str]], resumed: Project
) -> None:
    assert digest(resumed.root / "reports") == results["reports"]


# A plant's own data, with mistakes in it

BAD = ("truncated", "nan", "unpaired")


@pytest.fixture(scope="module")
def plant(source: Path) -> Project:
    """Discs, one category whole and one of each mistake; weights that are not there."""
    root = source.with_name("plant")
    for category in ("disc", *BAD):
        write_data_set(root / "raw", category)
    photo = root / "raw/truncated/train/good/rgb/001.png"
    photo.write_bytes(photo.read_bytes()[:-2000])
    points = disc_points(100, 90)
    points[50, 40, 2] = np.nan
    write_points(root / "raw/nan/test/bump/xyz/000.tiff", points)
    (root / "raw/unpaired/test/good/xyz/000.tiff").unlink()
    return clone(
        source,
        "plant",
        demo__categories=[],
        data__root="raw",
        data__categories=["disc", *BAD, "ghost"],
        features__rgb__weights="nowhere.safetensors",
    )


def fails(project: Project, *command: str) -> str:
    """The error of a run that must fail, without a traceback and without an out."""
    raw = digest(project.root / "raw")
    done = project.run(*command, check=False)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    assert digest(project.root / "raw") == raw
    sentences = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, done.stdout
    return sentences[0]


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ("truncated", ["raw/truncated/train/good/rgb/001.png", "cannot be read"]),
        ("nan", ["raw/nan/test/bump/xyz/000.tiff", "1 points with NaN or Inf"]),
        ("unpaired", ["raw/unpaired/test/good/rgb/000.png", "has no partner"]),
    ],
)
def test_a_bad_scan_is_one_sentence(plant: Project, category: str, words: list[str]) -> None:
    said = fails(plant, "dvc", "repro", f"prepare@{category}")
    assert [word for word in words if word not in said] == []
    assert not list(plant.data("prepared").glob(f"*{category}*"))


def test_weights_that_are_not_there_are_one_sentence(plant: Project) -> None:
    said = fails(plant, "dvc", "repro", "extract@disc")
    assert "features.rgb.weights: no weights at nowhere.safetensors" in said
    assert not list(plant.data("features").glob("*"))


def test_an_unknown_param_is_one_sentence(plant: Project) -> None:
    with plant.changed(features__shards=4):
        said = fails(plant, "dvc", "repro", "prepare@unpaired")
    assert said == "error: params.yaml: features.shards is not a known param; check its spelling"


def test_an_unknown_demo_category_is_one_sentence(plant: Project) -> None:
    with plant.changed(demo__categories=["teapot"]):
        said = fails(plant, "dvc", "repro", "generate@teapot")
    assert "teapot" in said
    assert "biscuit" in said
    assert not plant.data("demo").exists()


def test_a_category_without_data_is_named_by_dvc(plant: Project) -> None:
    done = plant.run("dvc", "repro", "prepare@ghost", check=False)
    assert done.returncode != 0
    assert "raw/ghost" in done.stdout
    assert "Traceback" not in done.stdout
