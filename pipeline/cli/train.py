"""`mentor3ad train`."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..plumbing.words import counted
from .tables import print_table

if TYPE_CHECKING:
    from ..studies.repro import Repro
    from ..studies.summaries import ModelSummary


def train() -> None:
    """Run what is out of date of the project, as `dvc repro` does, and tell what came of it."""
    from pathlib import Path

    from ..params.project import find_project
    from ..params.schema import load_params
    from ..studies.repro import repro
    from ..studies.summaries import model_summaries

    project = find_project(Path.cwd())
    load_params(project / "params.yaml")  # a mistake in it is one sentence before DVC starts
    done = repro(project, lambda line: print(line, flush=True))
    print(_what_ran(done))
    models = list(model_summaries(project))
    print_table(
        ("category", "good scans", "threshold", "false alarms", "I-AUROC", "AUPRO@30", "in test"),
        [_row(one) for one in models],
    )
    for line in _remarks(models):
        print(line)
    print(f"each test scan is in {project / 'reports/index.html'}; next: mentor3ad bundle")


def _what_ran(done: "Repro") -> str:
    seconds: dict[str, float] = {}
    for one in done.ran:
        seconds[one.stage] = seconds.get(one.stage, 0) + one.seconds
    if not done.ran:
        return f"nothing had to run: {counted(done.unchanged + done.restored, 'stage')} up to date"
    each = ", ".join(f"{stage} {_duration(took)}" for stage, took in seconds.items())
    kept = counted(done.unchanged, "stage")
    again = f", {counted(done.restored, 'stage')} taken from the cache" if done.restored else ""
    return (
        f"{counted(len(done.ran), 'stage')} ran in {_duration(done.seconds)} ({each}); {kept} up "
        f"to date{again}"
    )


def _row(one: "ModelSummary") -> tuple[str, ...]:
    return (
        one.category,
        f"{one.learned_from} learned from, {one.calibrated_on} for the threshold",
        f"{one.threshold:.4g}",
        f"{one.promised:.1%} promised",
        _metric(one.i_auroc),
        _metric(one.aupro_30),
        f"{one.false_alarms} of {one.good} good alarmed, {one.misses} of {one.defective} missed",
    )


def _metric(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"


def _remarks(models: Iterable["ModelSummary"]) -> Iterator[str]:
    """Sentences on what the table's numbers cannot say."""
    for one in models:
        if one.promised > one.wanted:
            yield (
                f"{one.category}: {counted(one.calibrated_on, 'scan')} for the threshold cannot "
                f"promise the {one.wanted:.1%} of voting.target_fpr, only {one.promised:.1%}; "
                "`mentor3ad threshold` shows what each threshold of a bundle promises"
            )
        if not one.defective:
            yield (
                f"{one.category}: without a defective scan in the test nobody can tell how many "
                "defects are missed"
            )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
