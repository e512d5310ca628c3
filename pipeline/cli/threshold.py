"""`mentor3ad threshold`."""

from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import ConfigError


def check_choice(option: str, threshold: float | None, target_fpr: float | None) -> None:
    """Refuse two ways of choosing a threshold, and a rate that is none.

    Args:
        option: the name of the one that gives the threshold itself.
    """
    if threshold is not None and target_fpr is not None:
        raise ConfigError(f"{option} and --target-fpr both choose the threshold: give one of them")
    if target_fpr is not None and not 0 < target_fpr < 1:
        raise ConfigError(f"--target-fpr {target_fpr:g} must be above 0 and below 1")


def threshold(
    bundle: Annotated[Path, typer.Argument(help="A model bundle.")],
    set_: Annotated[
        float | None, typer.Option("--set", min=0, help="Write a bundle with this threshold.")
    ] = None,
    target_fpr: Annotated[
        float | None,
        typer.Option(help="Write a bundle with the threshold for this rate of false alarms."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The bundle to write.")] = None,
    note: Annotated[str, typer.Option(help="Who set it, and why; kept in the bundle.")] = "",
) -> None:
    """Show what thresholds promise, or write a bundle with another one.

    The false alarms of a threshold are those of held-out good scans: the rate on average over draws
    of them, and the rate that it stays below with 95 % confidence. Where test scans have labels,
    the table also counts the false alarms and the misses among them.
    """
    check_choice("--set", set_, target_fpr)
    if (set_ is not None or target_fpr is not None) != (out is not None):
        raise ConfigError("a new threshold needs --out, the bundle to write, and --out needs one")

    from ..inspection.thresholds import moved, read_thresholds, threshold_table, write_moved

    voting, tested = read_thresholds(bundle)
    if out is not None:
        chosen = moved(voting, set_, target_fpr).threshold
        write_moved(bundle, out, chosen, note)
        print(f"{out}: threshold {chosen:.6g}, before {voting.threshold:.6g}")
        return
    said = f", set by hand: {voting.note}" if voting.note else ""
    print(f"threshold {voting.threshold:.6g}, {voting.calibration_scans} calibration scans{said}")
    print(f"{'threshold':>10} {'false alarms':>13} {'below (95 %)':>13}", end="")
    print(f" {'of tested good':>15} {'missed defects':>15}" if tested else "")
    for row in threshold_table(voting, tested):
        print(f"{row.threshold:>10.4g} {row.expected:>13.1%} {row.bound:>13.1%}", end="")
        if tested is None:
            print()
            continue
        alarms = f"{row.false_alarms} of {len(tested.good)}"
        print(f" {alarms:>15} {f'{row.misses} of {len(tested.defective)}':>15}")
