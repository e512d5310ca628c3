"""The processes of a project: its dvc, and stages that outlived theirs."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil

from .ailment import Ailment

_STAGE = re.compile(r"(mentor3ad\.)?stages\.\w+")


def find_orphans(root: Path) -> Iterator[Ailment]:
    """Yield the stages of a project that no dvc waits for, though one started them."""
    for process in _in_folder(root):
        stage = _stage(process)
        if stage and _has_lost_dvc(process):
            yield Ailment(
                f"process {process.pid} runs {stage}, though the dvc that started it is gone: end "
                f"it (`kill {process.pid}`)",
                process.terminate,
            )


def running_dvc(root: Path) -> list[int]:
    """Return the ids of the dvc processes that work in a project, or in its experiments."""
    return [process.pid for process in _in_folder(root) if _runs(process, "dvc")]


def is_running(pid: int, program: str = "") -> bool:
    """Tell whether a process runs, and runs a program of this name if one is given."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and _runs(process, program)
    except psutil.Error:
        return False


def _in_folder(root: Path) -> Iterator[psutil.Process]:
    """Yield the processes, other than this one, whose working folder is a folder or below it."""
    whole = root.resolve()
    for process in psutil.process_iter():
        try:
            folder = process.cwd()
        except (psutil.Error, OSError):  # of another user, or it has just ended
            continue
        if process.pid != os.getpid() and Path(folder).is_relative_to(whole):
            yield process


def _runs(process: psutil.Process, program: str) -> bool:
    return any(program in Path(word).name for word in _command(process)[:3])


def _stage(process: psutil.Process) -> str | None:
    command = _command(process)
    for option, name in pairwise(command):
        if option == "-m" and _STAGE.fullmatch(name):
            return " ".join(command[command.index(name) :])
    return None


def _has_lost_dvc(process: psutil.Process) -> bool:
    """Tell whether dvc started a stage and none is above it; what may be a dvc counts as one."""
    try:
        above = (" ".join(_command(parent)) for parent in process.parents())
        return "DVC_STAGE" in process.environ() and not any("dvc" in words for words in above)
    except psutil.Error:
        return False


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
