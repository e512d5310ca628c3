"""How everything behind the backbones grows with the number of scans, in time and in memory.

    mentor3ad bench growth
    python -m bench.growth --size 1000 --size 10000 --size 100000 --only listing --only validate

Each step works on made-up scans, in a process of its own, so that its peak memory is its own. What
it reads is made by another process before. The sizes of a step end where its time or the room that
it needs on the disk would pass what a run of minutes allows; `--size` takes any.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from unittest.mock import patch

import numpy as np
import typer

from bench.figures import Figure, Row, exponent
from bench.harness import Bench
from bench.processes import Usage, run
from bench.scale import CATEGORY, MadeUp, made_up_row, measure, measure_manifest
from bench.table import table
from mentor3ad.cache.maps import SCORES, SCORES_KIND, maps_manifest
from mentor3ad.cache.reader import Store
from mentor3ad.dataset.bitmaps import pack_bits
from mentor3ad.dataset.grid import SIZE
from mentor3ad.dataset.manifest import SCHEMA, Manifest
from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.dataset.traits import TRAITS
from mentor3ad.params.schema import Data, load_params
from mentor3ad.preparation.kept import Kept
from mentor3ad.preparation.prepare import prepare_category
from mentor3ad.publishing.writer import write_store
from mentor3ad.readers.layouts import list_scans
from mentor3ad.validation.category import check_category
from mentor3ad.validation.scan import CheckedScan, Measures
from testbed.paths import ROOT

THOUSAND = 1000
FOLDS = {"rgb": ".png", "xyz": ".tiff"}
RAW, STORE = "raw", "scores"
DAG = """stages:
  all:
    cmd: echo done
    deps:
    - raw
"""


@dataclass(frozen=True)
class Step:
    """Something that grows.

    Attributes:
        what: it does, for the table.
        sizes: numbers of scans.
        make: writes what the step reads, given a folder and a number of scans.
        work: the step itself, on that folder.
    """

    what: str
    sizes: tuple[int, ...]
    make: Callable[[Path, int], None]
    work: Callable[[Path, int], object]


def growth(bench: Bench) -> list[Row]:
    """Rows of all steps; a quick run takes a tenth of the scans."""
    return list(rows_of(tuple(STEPS), bench.folder, tenth=bench.quick))


def rows_of(
    names: Sequence[str], folder: Path, sizes: Sequence[int] = (), tenth: bool = False
) -> Iterator[Row]:
    """A row for each step: seconds of CPU and peak memory by size, and the exponents of both.

    That of memory is of the two largest sizes, as an interpreter with its libraries takes most of
    it at the others.
    """
    for name in names:
        chosen = sizes or [size // (10 if tenth else 1) for size in sizes_of(name)]
        used = [_measured(name, size, folder / f"{name}-{size}") for size in chosen]
        figures: dict[str, Figure] = {
            "scans": list(chosen),
            "cpu_s": [use.cpu_seconds for use in used],
            "peak_rss_mb": [use.peak_rss / 1e6 for use in used],
        }
        if len(used) > 1:
            figures["exponent_of_cpu"] = exponent(chosen, [use.cpu_seconds for use in used])
            figures["exponent_of_rss"] = exponent(chosen[-2:], [use.peak_rss for use in used[-2:]])
        yield Row(STEPS[name], figures)


def _measured(name: str, size: int, folder: Path) -> Usage:
    folder.mkdir(parents=True)
    try:
        if name in OWN:
            for action in ("--make", "--work"):
                use = _child(action, name, size, folder)
            return use
        if name == "manifest":
            return measure_manifest(size, folder)
        return dict(measure(size, folder, until=name))[name]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _child(action: str, name: str, size: int, folder: Path) -> Usage:
    command = [sys.executable, "-m", "bench.growth", action, name, "--size", str(size)]
    return run([*command, "--folder", str(folder)], ROOT)


def write_raw(folder: Path, count: int) -> None:
    """Write a category of so many scans in the layout of MVTec 3D-AD; its files are empty.

    Six of ten train, one is held out, three are tested, all good.
    """
    for split, share in (("train", 6), ("validation", 1), ("test", 3)):
        for kind, suffix in FOLDS.items():
            place = folder / RAW / CATEGORY / split / "good" / kind
            place.mkdir(parents=True)
            for i in range(share * count // 10):
                (place / f"{i:07d}{suffix}").touch()


def _options() -> Data:
    """Data params that fit `write_raw`: the shipped ones."""
    return load_params(ROOT / "params.yaml").data


def list_raw(folder: Path, count: int) -> tuple[ScanFiles, ...]:
    files = list_scans(folder / RAW, CATEGORY, _options())
    assert len(files) == count
    return files


def validate(folder: Path, count: int) -> None:
    """`mentor3ad validate` but for reading: every tenth scan is a copy of the one before it."""
    numbers = iter(range(count))

    def check(files: ScanFiles, options: object) -> CheckedScan:
        number = next(numbers)
        digest = f"{number - (number % 10 == 1):064x}"
        measures = Measures(SIZE, SIZE, 0.5, 0.2, False, 0.1, 0.1, "removed", 0.0, 120.0)
        return CheckedScan(files, digest, digest, measures, ())

    data = _options()
    with patch("mentor3ad.validation.category.check_scan", check):
        found = check_category(folder / RAW, CATEGORY, data, data.preparation)
    assert len(found.problems) == count // 10


def prepare(folder: Path, count: int) -> None:
    """`prepare` but for reading: what it keeps of scans, and the files that it goes into."""
    data = _options()

    def each(root: object, files: object, options: object, bar: object) -> Iterator[Kept]:
        for number in range(count):
            one = MadeUp((made_up_row(number, count),))  # the others would stay in memory
            bits = pack_bits(one.mask(0))
            traits = np.zeros(len(TRAITS))
            yield Kept(one.rows[0], (bits, bits, bits, bits), one.exhibit(0), traits, 0.0)

    out = folder / "prepared"
    prepare_category(folder / RAW, CATEGORY, out, data.preparation, data, each=each)


def write_maps(folder: Path, count: int) -> None:
    """A store of score maps that are 0 but for a pixel."""
    manifest = Manifest(SCHEMA, CATEGORY, _options().preparation, MadeUp.of(count).rows)

    def compute(samples: range) -> dict[str, np.ndarray]:
        maps = np.zeros((len(samples), *SCORES.shape), np.float32)
        maps[:, :, 0, 0] = np.asarray(samples)[:, None]
        return {SCORES.name: maps}

    store = maps_manifest(SCORES_KIND, SCORES, manifest, {})
    write_store(folder / STORE, store, compute, folder / ".staging")


def open_maps(folder: Path, count: int) -> None:
    """Open a store, whose marks and files are checked, and read its last scan."""
    store = Store.open(folder / STORE, SCORES_KIND, CATEGORY)
    assert store.read(SCORES.name, count - 1)[0, 0, 0] == count - 1


def write_tracked(folder: Path, count: int) -> None:
    """A DVC project with one stage that depends on a folder of raw scans, run once."""
    write_raw(folder, count)
    for number, file in enumerate((folder / RAW).rglob("*.*")):
        file.write_text(str(number))
    (folder / "dvc.yaml").write_text(DAG)
    for command in (["init", "--no-scm", "-q"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], cwd=folder, check=True)


def dvc_status(folder: Path, count: int) -> None:
    command = [sys.executable, "-m", "dvc", "status"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    assert "up to date" in done.stdout, done.stdout


def dvc_hash(folder: Path, count: int) -> None:
    """The first run over raw scans, which hashes all of them."""
    write_tracked(folder / "new", count)


SMALL, LARGE = (THOUSAND, 10 * THOUSAND), (THOUSAND, 10 * THOUSAND, 100 * THOUSAND)


def _nothing(folder: Path, count: int) -> None:
    """A step that makes what it reads."""


OWN = {
    "listing": Step("listing of the raw scans", LARGE, write_raw, list_raw),
    "validate": Step("`validate` but for reading, duplicates", LARGE, write_raw, validate),
    "prepare": Step("`prepare` but for reading", LARGE, write_raw, prepare),
    "publish": Step("a store of empty maps, written", LARGE, _nothing, write_maps),
    "open": Step("a store of empty maps, opened", LARGE, write_maps, open_maps),
    "dvc": Step("`dvc status`, two raw files a scan", LARGE, write_tracked, dvc_status),
    "hash": Step("first `dvc repro`, two raw files a scan", SMALL, _nothing, dvc_hash),
}
OF_SCALE = {
    "manifest": "manifest and a store's identity",
    "vote": "`vote`",
    "evaluate": "`evaluate`",
    "report": "`report`",
}
STEPS: dict[str, str] = {name: step.what for name, step in OWN.items()} | OF_SCALE


def sizes_of(name: str) -> tuple[int, ...]:
    """Numbers of scans; the real stages on maps of their real shapes are given fewer."""
    if name in OWN:
        return OWN[name].sizes
    return (*LARGE, 300 * THOUSAND) if name == "manifest" else SMALL


def main(
    only: Annotated[list[str] | None, typer.Option(help="A step; may be repeated.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="Scans; may be repeated.")] = None,
    make: Annotated[str | None, typer.Option(hidden=True)] = None,
    work: Annotated[str | None, typer.Option(hidden=True)] = None,
    folder: Annotated[Path, typer.Option(hidden=True)] = Path(),
) -> None:
    """Measure how the steps behind the backbones grow."""
    if make or work:
        step = OWN[make or work or ""]
        (step.make if make else step.work)(folder, (size or [0])[0])
        return
    if unknown := [name for name in only or () if name not in STEPS]:
        raise typer.BadParameter(f"no step {unknown[0]!r}; there are {', '.join(STEPS)}")
    with tempfile.TemporaryDirectory(prefix="mentor3ad-growth-") as place:
        for row in rows_of(only or tuple(STEPS), Path(place), size or ()):
            print("\n".join(table([{"what": row.what, **row.figures}])), flush=True)


if __name__ == "__main__":
    typer.run(main)
