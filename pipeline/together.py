"""Training of several categories side by side, where one does not fill the machine.

DVC runs one stage at a time. With `runtime.train_together` above 1 the training of a category also
trains the next ones, in processes of their own, and keeps what they make in the staging folder.
Their own stages take it over if all that it depends on is still the same.
"""

import contextlib
import fcntl
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from pipeline.config import Params
from pipeline.device import select_device
from pipeline.files import folder_replaced_whole
from pipeline.logs import Figures
from pipeline.processes import die_with_parent

ROOT = Path(__file__).parents[1]  # of dvc.yaml and the code that runs
FOLDER = "trained"  # in the staging folder
RESULT, RECORD, DONE, PARTIAL = "result", "record.json", "done", "partial"
LIBRARIES = ("numpy", "torch")

Places = Callable[[Path], Path]  # from the path of a dep to where it lies
Train = Callable[[Params, str, Path, Places], Figures]  # category, folder to write


def train_together(
    stage: str, train: Train, params: Params, category: str, out: Path, staging: Path
) -> Figures:
    """Train a category into its out, or take over what was trained ahead.

    The bytes are those of a training alone on as many threads, which are the cores shared by
    `runtime.train_together`.

    Args:
        stage: its name in dvc.yaml, which tells what a result depends on.
        train: the training itself.
        staging: where unfinished results live.

    Raises:
        What `train` raises. An error of a category trained ahead is told by its own stage.
    """
    many = params.runtime.train_together
    if many == 1:
        return train(params, category, out, _in_place)
    params = _with_its_share(params)
    own = _Category(stage, category, params, staging)
    try:
        key = own.key(_in_place)
    except OSError:  # something is missing: the training says so in its own words
        return train(params, category, out, _in_place)
    taken = own.take(key, out)
    if taken is not None:
        return {**taken, "trained": "ahead"}
    names = params.data.categories
    following = names[names.index(category) + 1 :] if category in names else []
    with _beside(stage, train, params, following, staging, many - 1):
        figures = train(params, category, out, _in_place)
    own.delivered(key)
    return figures


def _with_its_share(params: Params) -> Params:
    runtime = params.runtime
    threads = max(1, (runtime.threads or torch.get_num_threads()) // runtime.train_together)
    return params.model_copy(update={"runtime": runtime.model_copy(update={"threads": threads})})


@contextlib.contextmanager
def _beside(
    stage: str, train: Train, params: Params, categories: Sequence[str], staging: Path, many: int
) -> Iterator[None]:
    """So many processes that train some of the categories; waits for them at the end."""
    # A fork is there at once, but neither CUDA nor macOS's libraries survive it.
    fork = sys.platform == "linux" and not torch.cuda.is_available()
    context: Any = multiprocessing.get_context("fork" if fork else "spawn")
    arguments = (stage, train, params, categories, staging, os.getpid())
    workers = [
        context.Process(target=_train_one_ahead, args=arguments, daemon=True)
        for _ in range(min(many, len(categories)))
    ]
    try:
        for worker in workers:
            worker.start()
        yield
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
                worker.join()


def _train_one_ahead(
    stage: str, train: Train, params: Params, categories: Sequence[str], staging: Path, parent: int
) -> None:
    """Train the first category that wants it and that no other process trains."""
    die_with_parent()
    if os.getppid() != parent:  # it died before
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # its bar and its errors
    for category in categories:
        if _Category(stage, category, params, staging).train_ahead(train):
            return


@dataclass(frozen=True)
class _Category:
    """What waits for one stage and category.

    In its folder: `lock`; `KEY/` with the result and its record; `partial/` while one is made;
    `done`, the key of the last result that the stage itself delivered.
    """

    stage: str
    category: str
    params: Params
    staging: Path

    @property
    def folder(self) -> Path:
        return self.staging / FOLDER / f"{self.stage}-{self.category}"

    def key(self, at: Places) -> str:
        """sha256 of all that the result depends on.

        That is what dvc.yaml lists for the stage, by content, and what DVC does not know of:
        libraries, the device and the number of threads.

        Raises:
            OSError: a dep is not there.
        """
        device = select_device(self.params.runtime)
        content = {
            "deps": {d.as_posix(): _digests(at(d)) for d in self._deps()},
            "params": {name: _value(self.params, name) for name in _strings(self.stage, "params")},
            "libraries": {name: version(name) for name in LIBRARIES},
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "processor": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
        }
        text = json.dumps({"stage": self.stage, "category": self.category, **content})
        return hashlib.sha256(text.encode()).hexdigest()

    def take(self, key: str, out: Path) -> Figures | None:
        """Put the result that waits under the key at `out`; its figures, or None without one."""
        if not self.folder.is_dir():
            return None
        with self._lock() as free:
            record = self._whole(key) if free else None
            if record is None:
                return None
            with folder_replaced_whole(out) as partial:
                shutil.copytree(self.folder / key / RESULT, partial, dirs_exist_ok=True)
            self._settle(key)
            figures: Figures = record["figures"]
            return figures

    def delivered(self, key: str) -> None:
        """Note that the out is that of the key, and delete what waits."""
        with self._lock() as free:
            if free:
                self._settle(key)

    def train_ahead(self, train: Train) -> bool:
        """Train into the staging folder; False where it is not wanted or cannot be done now."""
        with self._lock() as free:
            if not free:
                return False
            try:
                at = self._latest()
                key = self.key(at)
            except OSError:  # a dep is still to be made
                return False
            if key == self._done() or self._whole(key):
                return False
            self._clear()
            partial = self.folder / PARTIAL
            figures = train(self.params, self.category, partial / RESULT, at)
            record = {"figures": dict(figures), "files": _digests(partial / RESULT)}
            (partial / RECORD).write_text(json.dumps(record), encoding="utf-8")
            if self.key(at) == key:
                partial.rename(self.folder / key)
            else:  # something was changed meanwhile
                self._clear()
            return True

    @contextlib.contextmanager
    def _lock(self) -> Iterator[bool]:
        """Hold the folder's lock; gives False at once where another process holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _deps(self) -> list[Path]:
        return _paths(self.stage, "deps", self.category)

    def _latest(self) -> Places:
        """Where each dep lies: in the staging folder if it was itself trained ahead."""
        found: dict[Path, Path] = {}
        for stage in {*_dag()} - {self.stage}:
            made = set(_paths(stage, "outs", self.category)) & set(self._deps())
            maker = _Category(stage, self.category, self.params, self.staging)
            if made and maker.folder.is_dir():
                key = maker.key(maker._latest())
                if maker._whole(key):
                    found |= dict.fromkeys(made, maker.folder / key / RESULT)
        return lambda dep: found.get(dep, dep)

    def _whole(self, key: str) -> dict[str, Any] | None:
        """The record of the result that waits under a key, if every byte of it is there."""
        try:
            record: dict[str, Any] = json.loads((self.folder / key / RECORD).read_bytes())
            same = record["files"] == _digests(self.folder / key / RESULT)
        except (OSError, ValueError):
            return None
        return record if same else None

    def _done(self) -> str | None:
        try:
            return (self.folder / DONE).read_text(encoding="utf-8")
        except OSError:
            return None

    def _settle(self, key: str) -> None:
        self._clear()
        (self.folder / DONE).write_text(key, encoding="utf-8")

    def _clear(self) -> None:
        for waiting in self.folder.iterdir():
            if waiting.is_dir():
                shutil.rmtree(waiting)


def _in_place(dep: Path) -> Path:
    return dep


@cache
def _dag() -> dict[str, Any]:
    """The stages of dvc.yaml."""
    from ruamel.yaml import YAML

    content = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    stages: dict[str, Any] = content["stages"]
    return stages


def _strings(stage: str, what: str) -> list[str]:
    """Entries of a stage's deps, params or outs without their options."""
    entries = _dag()[stage].get(what, [])
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def _paths(stage: str, what: str, category: str) -> list[Path]:
    return [Path(p.replace("${item.category}", category)) for p in _strings(stage, what)]


def _value(params: Params, name: str) -> Any:
    value: Any = params.model_dump()
    for part in name.split("."):
        value = value[part]
    return value


def _digests(path: Path) -> dict[str, str]:
    """sha256 of each file of a dep; code is that which runs. OSError where there is none."""
    if path.parts[0] in ("pipeline", "stages"):
        path = ROOT / path
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    files = [file for file in files if file.parent.name != "__pycache__"]
    if not files:
        raise FileNotFoundError(path)
    found: dict[str, str] = {}
    for file in files:
        with file.open("rb") as content:
            name = file.relative_to(path).as_posix()
            found[name] = hashlib.file_digest(content, "sha256").hexdigest()
    return found
