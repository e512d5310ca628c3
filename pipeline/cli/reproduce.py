"""`mentor3ad reproduce TABLE`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..plumbing.errors import ConfigError
from .study import list_experiments, run_plan
from .tables import print_table

if TYPE_CHECKING:
    from ..studies.plan import Plan


def reproduce(
    table: Annotated[str, typer.Argument(help="Study of one of the paper's tables: table-1.")],
    root: Annotated[
        Path, typer.Option(help="Folder of the data set: it holds one folder a category.")
    ],
    categories: Annotated[
        str, typer.Option(help="Categories, separated by commas; else all of the data set's.")
    ] = "",
    seeds: Annotated[str, typer.Option(help="Seeds of training, separated by commas.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check data and weights, and list the experiments.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Run nothing: print what is finished.")
    ] = False,
) -> None:
    """Run a table of the paper in its own form, and tell which of its numbers we reach.

    What is missing is one sentence, before anything runs. The same command goes on after an
    interruption. params.yaml and the workspace stay as they are.
    """
    from ..studies.git import check_committed
    from ..studies.reproduction import plan_reproduction

    names = [name.strip() for name in categories.split(",") if name.strip()]
    plan = plan_reproduction(table, root, names, _seeds(seeds))
    if dry_run:
        list_experiments(plan)
        return
    if not show:
        check_committed()
        run_plan(plan, jobs=1)
        plan = plan_reproduction(table, root, names, _seeds(seeds))
    _print(plan)


def _seeds(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise ConfigError(f"--seeds {text}: give whole numbers from 0, each once, such as 0,1,2")
    return [int(word) for word in words]


def _print(plan: "Plan") -> None:
    from ..studies.reproduction import HEADER, reproduced_rows, summary
    from ..studies.show import FinishedResults, study_tables

    tables = study_tables(plan, FinishedResults.read(plan))
    for table in tables:
        print(table.title)
        print_table(HEADER, reproduced_rows(table))
        for note in table.notes:
            print(note)
    print(summary(tables))
