"""`mentor3ad study`: files of experiments, and the tables they fill."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..plumbing.errors import ConfigError, Mentor3ADError
from ..plumbing.words import counted
from .tables import print_table

if TYPE_CHECKING:
    from ..studies.plan import Plan
    from ..studies.runner import Outcome

app = typer.Typer(help="Run the experiments of a study and show its tables.", no_args_is_help=True)

StudyName = Annotated[str, typer.Argument(help="Name of a study, or path of its file.")]


@app.command()
def run(
    study: StudyName,
    jobs: Annotated[int, typer.Option(min=1, help="Experiments beside each other.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the experiments only.")] = False,
    allow_extract: Annotated[
        bool, typer.Option("--allow-extract", help="Also run what extracts features again.")
    ] = False,
) -> None:
    """Run the experiments of a study that are not there yet; rerun it after an interruption."""
    from ..studies.definition import study_path
    from ..studies.plan import Plan, check_extraction, check_preset, check_root

    plan = Plan.load(study_path(study))
    if dry_run:
        list_experiments(plan)
        if plan.extracting:
            print(f"sets {', '.join(plan.extracting)}, which extracts again: needs --allow-extract")
        return
    from ..studies.git import check_committed

    check_committed()
    check_preset(plan)
    check_root(plan)
    if plan.missing:
        check_extraction(plan, allow_extract)
    run_plan(plan, jobs)
    print(f"its tables: mentor3ad study show {study}")


@app.command()
def show(
    study: StudyName,
    page: Annotated[
        Path | None,
        typer.Option("--write", metavar="PAGE", help="Also put them between PAGE's marks."),
    ] = None,
) -> None:
    """Print the tables of a study and write them to reports/studies: Markdown, CSV, LaTeX.

    Its best rows go to studies/best.json, for the report.
    """
    from ..report.best import FILE as BEST_FILE
    from ..studies.best import keep_best
    from ..studies.definition import study_path
    from ..studies.page import fill_page
    from ..studies.plan import Plan
    from ..studies.show import (
        FinishedResults,
        changed_from_preset,
        study_tables,
        write_tables,
    )
    from ..studies.text import header, markdown, text_rows

    plan = Plan.load(study_path(study))
    results = FinishedResults.read(plan)
    tables = study_tables(plan, results)
    for table in tables:
        print(table.title)
        print_table(header(table), text_rows(table))
        for note in table.notes:
            print(note)
        print()
    if changed := changed_from_preset(plan):
        print(f"params.yaml differs from the preset {plan.study.preset}: {', '.join(changed)}")
    written = write_tables(plan.name, tables)
    if page is not None:
        fill_page(page, plan.name, markdown(tables, level=3))
        written.append(page)
    print(f"written: {', '.join(map(str, written))}")
    if keep_best(plan, results):
        print(f"new best in {BEST_FILE}: commit it, and `dvc repro` shows it on the report")


@app.command("list")
def list_() -> None:
    """Show every study, its number of experiments and how many are finished."""
    from ..params.schema import load_params
    from ..studies.definition import FOLDER, describe
    from ..studies.plan import Plan

    load_params()  # names the folder to run from, or what is wrong with all of them
    rows, broken = [], []
    for path in sorted(FOLDER.glob("*.yaml")):
        try:
            plan = Plan.load(path)
        except ConfigError as error:
            broken.append(str(error))
            continue
        done = sum(planned.commit is not None for planned in plan.experiments)
        rows.append((plan.name, f"{done} of {len(plan.experiments)}", describe(path)))
    if not rows and not broken:
        print(f"{FOLDER} has no study; docs/ablate.md shows how one is written")
        return
    print_table(("study", "finished", "what for"), rows)
    if broken:
        raise ConfigError("; ".join(broken))


def list_experiments(plan: "Plan") -> None:
    for planned in plan.experiments:
        state = "run" if planned.commit is None else "there already"
        settings = " ".join(f"-S {setting!r}" for setting in planned.settings)
        print(f"{state}: {planned.name} {settings}")
    all_ = counted(len(plan.experiments), "experiment")
    print(f"{len(plan.missing)} of {all_} would run")


def run_plan(plan: "Plan", jobs: int) -> None:
    from ..plumbing.logs import Figure, log_event
    from ..studies.runner import run_experiments

    total = len(plan.missing)
    all_ = counted(len(plan.experiments), "experiment")
    print(f"{plan.name}: {total} of {all_} to run", flush=True)
    ended = 0

    def tell(outcome: "Outcome") -> None:
        nonlocal ended
        ended += 1
        figures: dict[str, Figure] = {"number": ended, "of": total, "name": outcome.name}
        figures["seconds"] = round(outcome.seconds, 1)
        if outcome.error:
            figures["error"] = outcome.error
        log_event("experiment", figures)

    try:
        failed = run_experiments(plan.work, jobs, tell)
    except KeyboardInterrupt:
        print(f"interrupted after {ended} of {total}; the same command goes on", file=sys.stderr)
        raise typer.Exit(130) from None
    if failed:
        raise Mentor3ADError(
            f"{len(failed)} of {counted(total, 'experiment')} failed; rerun the study "
            f"when their cause is mended: {', '.join(outcome.name for outcome in failed)}"
        )
