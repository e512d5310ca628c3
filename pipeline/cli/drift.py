"""`mentor3ad drift`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..plumbing.errors import ConfigError

if TYPE_CHECKING:
    from ..drift.charts import ChartState, DriftState
    from ..drift.reference import Reference

DRIFT_CODE = 7  # no other command ends with it


def drift(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="A service's history; bundles, if it knows none."),
    ],
    recipe: Annotated[list[str] | None, typer.Option(help="Only these recipes.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a recipe.")] = False,
) -> None:
    """Say whether what scans show has moved away from the training, chart by chart.

    A history of a service holds the scans. Bundles alone show what their charts would compare with;
    beside a history they say what good scans showed to versions that the history does not know.
    The service may run meanwhile.

    Exit code: 0 no chart has drifted, 7 at least one has, 1 an error.
    """
    from ..drift.charts import Charts
    from ..inspection.bundle import BUNDLE_FILE
    from ..serving.drift import read_states
    from ..serving.history import DATABASE, History

    known: dict[str, Reference] = {}
    names: dict[str, str] = {}
    histories = []
    for path in paths:
        if (path / DATABASE).is_file():
            histories.append(path)
        elif (path / BUNDLE_FILE).is_file():
            version, reference = _reference(path)
            known[version], names[version] = reference, path.resolve().name
        else:
            raise ConfigError(f"{path} is neither a history of a service nor a bundle")
    states: list[DriftState] = []
    for path in histories:
        history = History(path, read_only=True)
        try:
            states += read_states(history, known, recipe or ())
        finally:
            history.close()
    if not histories:
        states = [Charts(names[one], one, known[one]).state() for one in known]
    if histories and not states:
        raise ConfigError(f"{histories[0]} has no inspected scan to tell drift by")
    for state in states:
        print(state.model_dump_json() if json else "\n".join(_lines(state)))
    if any(state.drift for state in states):
        raise typer.Exit(DRIFT_CODE)


def _reference(bundle: Path) -> tuple[str, Reference]:
    from ..drift.reference import Reference
    from ..inspection.bundle import read_statistics

    version, voting, likeness = read_statistics(bundle)
    return version, Reference.of(voting, likeness)


def _lines(state: DriftState) -> list[str]:
    """The charts that have drifted first, then the others."""
    word = "DRIFT" if state.drift else "no drift"
    lines = [f"{state.recipe}, version {state.bundle}: {word}"]
    if state.problem:
        lines.append(f"  {state.problem}")
    for chart in sorted(state.charts, key=lambda one: one.state != "drift"):
        lines.append(
            f"  {chart.state:18}  {chart.level:+.2f} of its limit  {chart.text}{_since(chart)}"
        )
    if state.charts:
        lines.append(
            f"  a chart of sound scans raises an alarm once in {state.run_length:,.0f} points, of "
            "two minutes each"
        )
    return lines


def _since(chart: ChartState) -> str:
    if chart.since is None:
        return ""
    return f", since {datetime.fromtimestamp(chart.since):%Y-%m-%d %H:%M}"
