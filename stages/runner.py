"""What every stage script shares: its command line, its errors and its paths."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from mentor3ad.params.project import Project
from mentor3ad.params.schema import Params, Runtime, load_params
from mentor3ad.plumbing.claims import claimed
from mentor3ad.plumbing.errors import ConfigError, one_sentence
from mentor3ad.plumbing.logs import Figures, configure_logging, logged_stage
from mentor3ad.plumbing.output import replace_unprintable
from mentor3ad.plumbing.processes import begin_stage
from mentor3ad.project.code import check_code
from mentor3ad.revisions.settings import warn_of_unnamed

HERE = Project()
LOCKS = "stages"  # the folder of the stages' locks


def staging() -> Path:
    """Where unfinished stores live: the main repository's, also inside a temporary experiment."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".staging"


def run_category(
    stage: Callable[[Params, str], Figures | None],
    configure: Callable[[Runtime], None] = lambda runtime: None,
) -> None:
    """Run a stage for the `--category` of the command line, and log the figures it returns.

    Args:
        configure: sets up the process before the stage: `configure_process` where torch computes.
    """

    def command(category: Annotated[str, typer.Option(help="one of data.categories")]) -> None:
        params = load_params()
        known = dict.fromkeys([*params.data.categories, *params.demo.categories])
        if category not in known:
            raise ConfigError(
                f"--category {category}: not among data.categories ({', '.join(known)}) of "
                "params.yaml"
            )
        configure(params.runtime)
        with _claim(stage.__name__, category):
            logged_stage(stage.__name__, lambda: stage(params, category), category)

    _run(command)


def run(stage: Callable[[Params], Figures | None]) -> None:
    """Run a stage that covers all categories, and log the figures it returns."""

    def command() -> None:
        with _claim(stage.__name__):
            logged_stage(stage.__name__, lambda: stage(load_params()))

    _run(command)


def _claim(stage: str, category: str = "") -> AbstractContextManager[None]:
    """Hold a stage's right to its out, in this folder: a temporary experiment has outs of its own.

    The lock lies outside of the out, which is what DVC hashes.
    """
    folder = Path(".dvc/tmp") if Path(".dvc").is_dir() else Path(".staging")
    name = f"{stage}@{category}" if category else stage
    what = f"{stage} of {category}" if category else stage
    return claimed(folder / LOCKS / f"{name}.lock", what)


def _run(command: Callable[..., None]) -> None:
    begin_stage()
    configure_logging()
    replace_unprintable()
    with one_sentence():
        check_code(HERE.root)
        warn_of_unnamed()
        typer.run(command)
