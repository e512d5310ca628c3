"""Training ahead: taken over whole where nothing has changed, and in no other case."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import together
from pipeline.config import Params
from pipeline.together import _Category, train_together

from .processes import is_alive

ROOT = Path(__file__).parents[1]
STAGE = "train_mfm"
NAMES = ["rope", "rope-2"]
OUT = Path("data/mfm/rope")


@pytest.fixture
def two(params: Params) -> Params:
    """Two categories on one thread each."""
    content = params.model_dump()
    content["data"]["categories"] = NAMES
    content["runtime"] |= {"device": "cpu", "threads": 2, "train_together": 2}
    return Params.model_validate(content)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Made-up inputs and code, in place of features and of the pipeline's own."""
    monkeypatch.chdir(tmp_path)
    for dep in {d for s in (STAGE, "train_mgm") for d in together._strings(s, "deps")}:
        for name in NAMES if "item" in dep else [""]:
            path = Path(dep.replace("${item.category}", name))
            if path.suffix != ".py":
                path = path / "content"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{dep} {name}")
    shutil.rmtree("data/mfm")
    monkeypatch.setattr(together, "ROOT", tmp_path)
    return tmp_path


class Trainer:
    """Writes what it has read; counts how often."""

    def __init__(self) -> None:
        self.trained: list[str] = []

    def __call__(
        self, params: Params, category: str, out: Path, at: Callable[[Path], Path]
    ) -> dict[str, Any]:
        self.trained.append(category)
        out.mkdir(parents=True, exist_ok=True)
        read = (at(Path(f"data/features/{category}.zarr")) / "content").read_text()
        (out / "module").write_text(f"{read} {params.model.lr}")
        return {"loss": 0.5}


def category(params: Params, name: str = "rope", stage: str = STAGE) -> _Category:
    return _Category(stage, name, together._with_its_share(params), Path(".staging"))


def stage(train: Trainer, params: Params) -> Any:
    """The stage of the first category, with nothing left to train beside it."""
    alone = params.data.model_copy(update={"categories": ["rope"]})
    params = params.model_copy(update={"data": alone})
    return train_together(STAGE, train, params, "rope", OUT, Path(".staging"))


def waiting(name: str = "rope", stage: str = STAGE) -> list[Path]:
    return [p for p in Path(f".staging/trained/{stage}-{name}").glob("*") if p.is_dir()]


@pytest.fixture
def ahead(two: Params) -> Path:
    """A result that waits."""
    assert category(two).train_ahead(Trainer())
    (found,) = waiting()
    return found


def test_a_waiting_result_is_taken_over_as_it_is(two: Params, ahead: Path) -> None:
    expected = (ahead / "result/module").read_bytes()
    again = Trainer()
    assert stage(again, two) == {"loss": 0.5, "trained": "ahead"}
    assert again.trained == []
    assert [p.name for p in OUT.iterdir()] == ["module"]
    assert (OUT / "module").read_bytes() == expected
    assert waiting() == []


def _param(params: Params) -> Params:
    return params.model_copy(update={"model": params.model.model_copy(update={"lr": 0.5})})


def _threads(params: Params) -> Params:
    runtime = params.runtime.model_copy(update={"threads": 4})
    return params.model_copy(update={"runtime": runtime})


def _file(name: str) -> Callable[[Params], Params]:
    def change(params: Params) -> Params:
        Path(name).write_text("changed")
        return params

    return change


@pytest.mark.parametrize(
    "change",
    [
        _param,
        _threads,
        _file("data/features/rope.zarr/content"),
        _file("data/prepared/rope/content"),
        _file("pipeline/losses.py"),
        _file("pipeline/cache/added.py"),
        _file("stages/train_mfm.py"),
    ],
)
def test_what_a_change_made_stale_is_deleted_and_trained_again(
    two: Params, ahead: Path, change: Callable[[Params], Params]
) -> None:
    again = Trainer()
    assert stage(again, change(two)) == {"loss": 0.5}
    assert again.trained == ["rope"]
    assert waiting() == []


def test_a_param_that_the_stage_does_not_read_changes_nothing(two: Params, ahead: Path) -> None:
    voting = two.voting.model_copy(update={"nu": 0.25})
    assert stage(Trainer(), two.model_copy(update={"voting": voting}))["trained"] == "ahead"


@pytest.mark.parametrize("damage", ["record.json", "result/module"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_half_written_result_is_not_taken(
    two: Params, ahead: Path, damage: str, cut: bool
) -> None:
    if cut:
        (ahead / damage).write_bytes((ahead / damage).read_bytes()[:-1])
    else:
        (ahead / damage).unlink()
    assert "trained" not in stage(again := Trainer(), two)
    assert again.trained == ["rope"]


def test_a_killed_training_leaves_nothing_to_take(two: Params, ahead: Path) -> None:
    ahead.rename(ahead.with_name("partial"))
    assert "trained" not in stage(Trainer(), two)
    assert waiting() == []


def test_inputs_that_change_under_the_training_leave_nothing(two: Params) -> None:
    class Late(Trainer):
        def __call__(self, *arguments: Any) -> dict[str, Any]:
            figures = super().__call__(*arguments)
            Path("data/features/rope.zarr/content").write_text("extracted again")
            return figures

    category(two).train_ahead(Late())
    assert waiting() == []


def test_training_ahead_clears_stale_results(two: Params, ahead: Path) -> None:
    assert category(_param(two)).train_ahead(Trainer())
    (found,) = waiting()
    assert found != ahead


def test_what_waits_or_was_delivered_is_not_trained_again(two: Params, ahead: Path) -> None:
    again = Trainer()
    assert not category(two).train_ahead(again)
    stage(again, two)
    assert not category(two).train_ahead(again)
    assert again.trained == []


def test_a_category_without_features_is_left_to_later(two: Params) -> None:
    shutil.rmtree("data/features/rope.zarr")
    assert not category(two).train_ahead(Trainer())
    assert waiting() == []


def test_a_category_that_another_process_trains_is_left_alone(two: Params, ahead: Path) -> None:
    with (ahead.parent / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not category(_param(two)).train_ahead(Trainer())
        assert "trained" not in stage(Trainer(), two)
    assert waiting() == [ahead]


def test_guidance_is_trained_ahead_on_the_fusion_that_waits(two: Params, ahead: Path) -> None:
    read = []

    def train(_: Params, name: str, out: Path, at: Callable[[Path], Path]) -> dict[str, Any]:
        read.append(at(Path("data/mfm") / name))
        out.mkdir(parents=True)
        (out / "module").write_text("guidance")
        return {}

    mgm = category(two, stage="train_mgm")
    assert mgm.train_ahead(train)
    assert read == [ahead / "result"]
    key = waiting(stage="train_mgm")[0].name
    stage(Trainer(), two)
    assert mgm.key(together._in_place) == key  # the module has moved, its bytes are the same


def test_one_at_a_time_looks_nothing_up_and_leaves_no_trace(two: Params) -> None:
    runtime = two.runtime.model_copy(update={"train_together": 1})
    assert stage(Trainer(), two.model_copy(update={"runtime": runtime})) == {"loss": 0.5}
    assert OUT.is_dir()
    assert not Path(".staging").exists()


KILLED = """
import os, time
from pathlib import Path
from pipeline.config import load_params
from pipeline.together import train_together

def train(params, category, out, at):
    if category == "rope":
        time.sleep(600)
    out.mkdir(parents=True)
    (out / "module").write_text("half")
    print(os.getpid(), flush=True)
    time.sleep(600)

params = load_params(Path("params.yaml"))
train_together("train_mfm", train, params, "rope", Path("data/mfm/rope"), Path(".staging"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_killed_stage_takes_what_it_trains_ahead_with_it(two: Params) -> None:
    Path("params.yaml").write_text(json.dumps(two.model_dump()))
    stages = subprocess.Popen(
        [sys.executable, "-P", "-c", KILLED],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert stages.stdout is not None
    worker = int(stages.stdout.readline())
    stages.kill()
    stages.wait()
    stages.stdout.close()
    deadline = time.monotonic() + 60
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(worker)
    assert [p.name for p in waiting("rope-2")] == ["partial"]
    assert category(two, "rope-2").train_ahead(Trainer())  # the lock is free again
    assert [p.name for p in waiting("rope-2")] != ["partial"]
