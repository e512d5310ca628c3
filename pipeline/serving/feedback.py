"""Writes the scans that reviewers have marked as a data set of the layout `folder`."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Literal

from ..plumbing.errors import ConfigError, DataError
from ..plumbing.files import folder_replaced_whole
from .history import DATABASE, History, HistoryRow
from .kept import CAMERA, kept_files

GoodSplit = Literal["train", "test"]


def export_feedback(
    history: Path, out: Path, recipe: str | None = None, ok_as: GoodSplit = "train"
) -> dict[str, int]:
    """Copy marked scans to OUT/CATEGORY/SPLIT/DEFECT/, each with its files in rgb and xyz.

    Scans marked OK are good ones of the split `ok_as`; those marked NG are test scans with the
    defect `ng`. The service may run meanwhile.

    Args:
        recipe: only scans of this one.

    Returns:
        How many scans of each mark there are.

    Raises:
        ConfigError: there is no history, or `out` holds something.
        DataError: no scan is marked.
    """
    if not (history / DATABASE).is_file():
        raise ConfigError(f"{history} is no history of a service: name its --history")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} holds something already: name another folder")
    opened, counts = History(history, read_only=True), Counter[str]()
    try:
        with folder_replaced_whole(out) as folder:
            for row in opened.marked():
                if recipe in (None, row.result.recipe) and _export(opened, row, folder, ok_as):
                    counts[row.result.mark or ""] += 1
            if not counts:
                raise DataError(f"{history} has no marked scan whose files are kept: mark some")
    finally:
        opened.close()
    return dict(counts)


def _export(history: History, row: HistoryRow, out: Path, ok_as: GoodSplit) -> bool:
    """Copy one scan's files; whether they are there."""
    home = history.home(row)
    if (files := kept_files(home)) is None:
        return False
    category = out / row.result.category
    place = category / (f"{ok_as}/good" if row.result.mark == "ok" else "test/ng")
    roles = {"xyz": files.points} | ({} if files.rgb == files.points else {"rgb": files.rgb})
    for role, name in roles.items():
        target = place / role / f"{row.result.seq:06d}{Path(name).suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(home / Path(name).name, target)
    for camera in home.glob(f"{CAMERA}.*"):
        shutil.copyfile(camera, category / camera.name)
    return True
