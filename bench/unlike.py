"""How many faulty scans a finished project calls unlike its training, and how many sound ones.

    dvc repro && python -m bench.unlike

Faults are made of the first good test scans of each category; nothing is written.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from bench.table import table
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.dataset.scan import RawScan
from mentor3ad.inspection.found import UNLIKE, Inspection
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.params.project import Project
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import ConfigError, UnlikeTrainingError, one_sentence
from mentor3ad.readers.layouts import read_scan
from mentor3ad.voting.votes import Votes

Pair = tuple[NDArray[np.uint8], NDArray[np.float32]]  # an image and its points
Fault = Callable[[RawScan], Pair]
SEED = 0  # of the points that go missing


def lit(gain: float) -> Fault:
    """So many times the light."""
    return lambda scan: (np.clip(scan.rgb * gain, 0, 255).astype(np.uint8), scan.points)


def moved(x: float, y: float, z: float) -> Fault:
    """The points elsewhere, by so many metres; the image stays."""

    def fault(scan: RawScan) -> Pair:
        points = scan.points.copy()
        points[points.any(axis=-1)] += np.array((x, y, z), np.float32)
        return scan.rgb, points

    return fault


def tilted(degrees: float) -> Fault:
    """The points turned about the x axis through their middle."""

    def fault(scan: RawScan) -> Pair:
        points, seen = scan.points.copy(), scan.points.any(axis=-1)
        middle, angle = points[seen].mean(axis=0), np.deg2rad(degrees)
        turn = np.array(
            [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
        )
        points[seen] = (points[seen] - middle) @ turn.T + middle
        return scan.rgb, points

    return fault


def thinned(share: float) -> Fault:
    """A share of the points gone, here and there."""

    def fault(scan: RawScan) -> Pair:
        points = scan.points.copy()
        points[np.random.default_rng(SEED).random(points.shape[:2]) < share] = 0
        return scan.rgb, points

    return fault


def halved(scan: RawScan) -> Pair:
    """No point in the left half of the picture."""
    points = scan.points.copy()
    points[:, : points.shape[1] // 2] = 0
    return scan.rgb, points


FAULTS: Mapping[str, Fault] = {
    "as it is": lambda scan: (scan.rgb, scan.points),
    "light x 0.25": lit(0.25),
    "light x 0.5": lit(0.5),
    "light x 0.7": lit(0.7),
    "light x 1.5": lit(1.5),
    "light x 2.5": lit(2.5),
    "80 mm in x": moved(0.08, 0, 0),
    "80 mm farther": moved(0, 0, 0.08),
    "20 mm farther": moved(0, 0, 0.02),
    "tilted by 30 degrees": tilted(30),
    "30 % of the points gone": thinned(0.3),
    "half of the points gone": halved,
    "no point": lambda scan: (scan.rgb, np.zeros_like(scan.points)),
    "image mirrored": lambda scan: (scan.rgb[:, ::-1].copy(), scan.points),
    "image upside down": lambda scan: (scan.rgb[::-1, ::-1].copy(), scan.points),
}


def faults_of(scans: list[RawScan], others: list[RawScan]) -> Iterator[tuple[str, Pair]]:
    """Each fault of each scan, with its name.

    Args:
        others: scans of another category; none: those faults are left out.
    """
    for number, scan in enumerate(scans):
        for name, fault in FAULTS.items():
            yield name, fault(scan)
        if len(scans) > 1:
            yield "image of another scan", (scans[number - 1].rgb, scan.points)
    for scan, other in zip(scans, others, strict=False):
        yield "another category's scan", (other.rgb, other.points)
        if other.rgb.shape == scan.rgb.shape:
            yield "image of another category", (other.rgb, scan.points)


def is_unlike(inspector: Inspector, scan: Pair) -> bool:
    """Whether nothing is decided of a scan, as it is unlike the training."""
    try:
        found: Inspection = inspector.inspect(*scan)
    except UnlikeTrainingError:
        return True
    return found.status == UNLIKE


def count(root: Path, category: str, other: str | None, scans: int) -> dict[str, tuple[int, int]]:
    """How many of how many scans of a category are unlike the training, by fault and by label."""
    project, data = Project(root), root / load_params(Project(root).params).data.root
    rows = Manifest.load(project.prepared(category)).rows
    unlike = Votes.open(project.votes(category), category).unlike
    found = {}
    for label, name in ((0, "good test scans"), (1, "defective test scans")):
        ids = [row.id for row in rows if row.split == "test" and row.label == label]
        found[name] = (sum(one in unlike for one in ids), len(ids))
    inspector = Inspector.load(root, category)
    strangers = [] if other is None else good_scans_of(project, data, other, scans)
    for name, pair in faults_of(good_scans_of(project, data, category, scans), strangers):
        flagged, tried = found.get(name, (0, 0))
        found[name] = (flagged + is_unlike(inspector, pair), tried + 1)
    return found


def good_scans_of(project: Project, data: Path, category: str, scans: int) -> list[RawScan]:
    """The first good test scans of a category."""
    rows = Manifest.load(project.prepared(category)).rows
    good = [row for row in rows if row.split == "test" and row.label == 0]
    return [read_scan(row.files(data)) for row in good[:scans]]


def main(
    root: Annotated[Path, typer.Option(help="A finished project.")] = Path(),
    scans: Annotated[int, typer.Option(min=1, help="Good test scans of each category.")] = 4,
) -> None:
    """Count the scans that are called unlike the training, by fault."""
    with one_sentence():
        categories = load_params(Project(root).params).data.categories
        if load_params(Project(root).params).voting.unlike_fpr is None:
            raise ConfigError("voting.unlike_fpr is null, so that no scan is unlike the training")
        each = {}
        for number, category in enumerate(categories):
            following = categories[(number + 1) % len(categories)]
            other = None if following == category else following
            each[category] = count(root, category, other, scans)
    names = dict.fromkeys(name for found in each.values() for name in found)
    rows = [
        {"what": name}
        | {one: "{} of {}".format(*found.get(name, (0, 0))) for one, found in each.items()}
        for name in names
    ]
    print("\n".join(table(rows)))


if __name__ == "__main__":
    typer.run(main)
