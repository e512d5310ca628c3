"""How often control charts of sound scans raise an alarm, and how soon one is called.

    python -m bench.drift limits
    python -m bench.drift series --root PROJECT

`limits` draws references and sound series, independent ones and ones whose neighbours are alike,
and counts the months with an alarm beside the chance that the limits were computed for.

`series` takes fresh good scans of a finished demo project through its model, and some of them once
more with a lamp that has faded and a camera that has moved. A series is these scans' measures,
drawn with replacement, each moved by what the fault did to the median scan at its level; the
product's own limits say of each which decision it gets. Nothing is written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from bench.table import table
from mentor3ad.demo.scan import render_scan, scan_seed
from mentor3ad.drift.charts import Charts
from mentor3ad.drift.limits import MONTH, SLOT_S, WEIGHT, chance_of_alarm, limit_for
from mentor3ad.drift.reference import SCORE, Reference
from mentor3ad.inspection.found import Inspection
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.params.project import Project
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import UnlikeTrainingError, one_sentence
from mentor3ad.voting.likeness import MEASURES, Likeness
from mentor3ad.voting.model import exceeds

Pair = tuple[NDArray[np.uint8], NDArray[np.float32]]  # an image and its points
Values = NDArray[np.float64]  # (len(NAMES),) of a scan
NAMES = (*MEASURES, SCORE)
FRESH = 90_000  # seed of scans that no project has
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
SIMULATED = (8, 16, 24, 32, 50, 100)
CORRELATIONS = (0.0, 0.3, 0.5)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


# Limits


def months_with_alarm(
    limit: float, scans: int, correlation: float, references: int, seed: int = 0
) -> float:
    """The share of sound months with an alarm, each with a reference of its own.

    Args:
        correlation: of each scan with the next one (a Gaussian autoregression).
    """
    from scipy.signal import lfilter
    from scipy.special import ndtri

    rng = np.random.default_rng(seed)
    scores, alarms = ndtri((np.arange(scans + 1) + 0.5) / (scans + 1)), 0
    for _ in range(references):
        known = np.sort(rng.standard_normal(scans))
        noise = rng.standard_normal(MONTH) * np.sqrt(1 - correlation**2)
        noise[0] = rng.standard_normal()
        seen = lfilter([1.0], [1.0, -correlation], noise)
        levels = lfilter([WEIGHT], [1.0, WEIGHT - 1], scores[np.searchsorted(known, seen)])
        alarms += bool(np.abs(levels).max() > limit)
    return alarms / references


@app.command()
def limits(
    references: Annotated[int, typer.Option(min=1, help="Months of each row.")] = 2000,
    seed: int = 0,
) -> None:
    """Print the limits, and how many sound months have an alarm, computed and counted."""
    rows = []
    for scans in SIMULATED:
        limit = limit_for(scans)
        assert limit is not None
        row = {"what": f"{scans} good scans", "limit": f"{limit:.3f}"}
        for alike in CORRELATIONS:
            computed = chance_of_alarm(limit, scans, correlation=alike)
            counted = months_with_alarm(limit, scans, alike, references, seed)
            row[f"correlation {alike:g}: computed, counted"] = f"{computed:.2%}, {counted:.2%}"
        rows.append(row)
    print("\n".join(table(rows)))


# Series


def lamp(light: float) -> Callable[[Pair], Pair]:
    """So much of the light is left; the demo's sensor has a gamma of 2."""

    def fault(scan: Pair) -> Pair:
        return np.rint(scan[0] * np.sqrt(light)).astype(np.uint8), scan[1]

    return fault


def farther(mm: float) -> Callable[[Pair], Pair]:
    """The camera, so many millimetres farther from the part."""

    def fault(scan: Pair) -> Pair:
        points = scan[1].copy()
        points[points.any(axis=-1), 2] += mm / 1000
        return scan[0], points

    return fault


def aside(mm: float) -> Callable[[Pair], Pair]:
    """The camera, so many millimetres to the left: picture and points move together."""

    def fault(scan: Pair) -> Pair:
        points = scan[1].copy()
        seen = np.asarray(points.any(axis=-1))
        pitch = float(np.median(np.diff(points[..., 0], axis=1)[seen[:, 1:] & seen[:, :-1]]))
        pixels = round(mm / 1000 / pitch)
        points[seen, 0] += mm / 1000
        return np.roll(scan[0], pixels, axis=1), np.roll(points, pixels, axis=1)

    return fault


@dataclass(frozen=True)
class Fault:
    """Something that drifts.

    Attributes:
        levels: at which it is measured, the first one is none.
        at: makes a scan of a level.
        pace: of the level in a second.
        unit: what its time is told in, in seconds, and its name.
    """

    levels: tuple[float, ...]
    at: Callable[[float], Callable[[Pair], Pair]]
    pace: float
    unit: tuple[float, str]


# Of a lamp the level is the logarithm of what is left, so that 2 % an hour is a line.
FAULTS: Mapping[str, Fault] = {
    "a lamp that fades by 2 % an hour": Fault(
        (0.0, -0.1, -0.2, -0.3, -0.45, -0.6, -0.8),
        lambda level: lamp(float(np.exp(level))),
        float(np.log(0.98)) / HOUR_S,
        (HOUR_S, "hours"),
    ),
    "a camera that moves 0.2 mm a day, away": Fault(
        (0.0, 1.0, 2.0, 4.0, 6.0, 9.0, 13.0), farther, 0.2 / DAY_S, (DAY_S, "days")
    ),
    "a camera that moves 0.2 mm a day, aside": Fault(
        (0.0, 1.0, 2.0, 4.0, 6.0, 9.0, 13.0), aside, 0.2 / DAY_S, (DAY_S, "days")
    ),
}


@dataclass(frozen=True)
class Decider:
    """The product's decision on a scan's values: by what of the model."""

    likeness: Likeness
    threshold: float

    def is_false_alarm(self, values: Values) -> bool:
        """Whether a good scan is called defective or unlike the training."""
        away = self.likeness.deviations(values[:-1])
        return not (away <= 1).all() or bool(exceeds(values[-1], self.threshold))


def values_of(inspector: Inspector, scan: Pair) -> Values | None:
    """The measures and the score of a scan; None: it shows no part that could be inspected."""
    try:
        found: Inspection = inspector.inspect(*scan)
    except UnlikeTrainingError:
        return None
    return np.array([*(found.measures[name] for name in MEASURES), found.score])


def shifts_of(
    inspector: Inspector, scans: Sequence[Pair], sound: Values, fault: Fault
) -> NDArray[np.float64]:
    """(levels, len(NAMES)) what each level does to the median scan.

    Args:
        sound: (n, len(NAMES)) of the same scans as they are.
    """
    rows = [np.zeros(len(NAMES))]
    for level in fault.levels[1:]:
        moved = [values_of(inspector, fault.at(level)(scan)) for scan in scans]
        seen = [
            after - before for after, before in zip(moved, sound, strict=True) if after is not None
        ]
        rows.append(np.median(seen, axis=0) if seen else np.full(len(NAMES), np.inf))
    return np.array(rows)


@dataclass(frozen=True)
class Made:
    """What series are made of.

    Attributes:
        pool: (n, len(NAMES)) of sound scans.
        levels, shifts: of a fault; see `shifts_of`.
    """

    pool: Values
    levels: tuple[float, ...]
    shifts: Values

    def shift(self, level: float) -> Values:
        """(len(NAMES),) at a level, by lines between the measured ones."""
        order = np.argsort(self.levels)
        known = np.array(self.levels)[order]
        return np.array([np.interp(level, known, column[order]) for column in self.shifts.T])

    def false_alarms(self, level: float, decider: Decider) -> float:
        """The share of the pool that the product does not call good at a level."""
        moved = self.pool + self.shift(level)
        return float(np.mean([decider.is_false_alarm(one) for one in moved]))


def doubled(made: Made, fault: Fault, decider: Decider, least: float) -> float:
    """Seconds until the rate of false alarms is twice that of the sound scans.

    Args:
        least: the rate that counts where the sound scans have none.
    """
    base = max(made.false_alarms(0.0, decider), least)
    step = abs(fault.levels[-1]) / 400
    for n in range(401):
        level = float(np.sign(fault.pace)) * n * step
        if made.false_alarms(level, decider) >= 2 * base:
            return level / fault.pace
    return float("inf")


def alarms_of(
    made: Made,
    reference: Reference,
    decider: Decider,
    seconds: float,
    pace: float,
    seed: int,
    stop: bool,
) -> list[tuple[float, str]]:
    """The alarms of a series of a scan in each slot: when, in seconds, and of which chart.

    Args:
        pace: of the fault's level in a second.
        stop: at the first one.
    """
    rng, charts, found = np.random.default_rng(seed), Charts("series", "0", reference), []
    stands: set[str] = set()
    for n in range(int(seconds / SLOT_S)):
        time = n * SLOT_S
        values = made.pool[rng.integers(len(made.pool))]
        values = values + made.shift(pace * time) if pace else values
        shown = dict(zip(NAMES, values.tolist(), strict=True))
        if decider.is_false_alarm(values):
            del shown[SCORE]  # of a scan that is not called good
        charts.add(time, shown)
        now = {name for name, chart in charts.charts.items() if chart.since is not None}
        found += [(time, name) for name in sorted(now - stands)]
        stands = now
        if stop and found:
            break
    return found


def fresh_scans(category: str, size: int, count: int) -> list[Pair]:
    """Good scans of the demo that no project has."""
    scans = (
        render_scan(category, scan_seed(FRESH, category, "drift", index), size)
        for index in range(count)
    )
    return [(scan.rgb, scan.xyz) for scan in scans]


@app.command()
def series(
    root: Annotated[Path, typer.Option(help="A finished project of the demo.")] = Path(),
    category: str = "biscuit",
    scans: Annotated[int, typer.Option(min=8, help="Fresh good scans.")] = 60,
    measured: Annotated[int, typer.Option(min=1, help="Of them, with each fault.")] = 8,
    seeds: Annotated[int, typer.Option(min=1, help="Series of each kind, from seed 0.")] = 5,
) -> None:
    """Print when each fault doubles the false alarms, and when it is called; and stable months."""
    with one_sentence():
        inspector = Inspector.load(root, category)
        likeness = inspector.model.likeness
        if likeness is None:
            raise typer.BadParameter("voting.unlike_fpr is null, so that there are no measures")
        size = load_params(Project(root).params).demo.size
        pairs = fresh_scans(category, size, scans)
        found = [values_of(inspector, pair) for pair in pairs]
        pool = np.array([one for one in found if one is not None])
        reference = Reference.of(inspector.model.voting, likeness)
        decider = Decider(likeness, inspector.threshold)
        rows = []
        for name, fault in FAULTS.items():
            shifts = shifts_of(inspector, pairs[:measured], pool[:measured], fault)
            made = Made(pool, fault.levels, shifts)
            rows.append(_row(name, made, fault, reference, decider, seeds))
    base = np.mean([decider.is_false_alarm(one) for one in pool])
    print(f"{category}: {len(pool)} fresh good scans, {base:.1%} of them not called good")
    print("\n".join(table(rows)))
    sound = Made(pool, (0.0,), np.zeros((1, len(NAMES))))
    for seed in range(seeds):
        alarms = alarms_of(sound, reference, decider, MONTH * SLOT_S, 0.0, seed, stop=False)
        print(f"stable month, seed {seed}: {len(alarms)} alarms {[name for _, name in alarms]}")


def _row(
    name: str, made: Made, fault: Fault, reference: Reference, decider: Decider, seeds: int
) -> dict[str, str]:
    """When a fault doubles the false alarms, and when each series is called."""
    second, unit = fault.unit
    twice = doubled(made, fault, decider, 1 / len(made.pool))
    last = min(twice, abs(fault.levels[-1] / fault.pace))
    called = [alarms_of(made, reference, decider, last, fault.pace, s, True) for s in range(seeds)]
    times = [f"{one[0][0] / second:.1f} ({one[0][1]})" if one else "not" for one in called]
    return {
        "what": name,
        "false alarms doubled after": f"{twice / second:.1f} {unit}",
        "called after, by seed": ", ".join(times),
    }


if __name__ == "__main__":
    app()
