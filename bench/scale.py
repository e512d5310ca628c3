"""Time and memory of everything behind the networks, on a made-up category of many scans.

    python -m bench.scale --scans 1000 --scans 10000 --manifest 300000

What preparation and `score` would write is made up, by their own writers and with no network: the
arrays have their real shapes, and a part of 40 x 40 pixels, so that a scan takes 0.1 MB of the disk
instead of 0.6. Six of ten scans train, one is held out and three are tested, half of these with a
defect of 20 x 20 pixels. Each stage is a process of its own. All goes to a temporary folder, which
is under TMPDIR.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.figures import Figure, Row, exponent
from bench.processes import Usage, run, stage
from bench.project import params_of, settings
from bench.table import table
from mentor3ad.cache.maps import SCORES, SCORES_KIND, maps_manifest
from mentor3ad.cache.reader import Store
from mentor3ad.dataset.bitmaps import PACKED, pack_bits
from mentor3ad.dataset.grid import SIZE
from mentor3ad.dataset.manifest import (
    FOREGROUND_FILE,
    MASKS_FILE,
    SCHEMA,
    Manifest,
    ManifestRow,
    load_foreground,
    seal_prepared,
    write_manifest,
)
from mentor3ad.dataset.scan import Split
from mentor3ad.dataset.traits import TRAITS, TRAITS_FILE
from mentor3ad.exhibits.growing import GrowingArray
from mentor3ad.exhibits.store import Exhibit, writing_exhibits
from mentor3ad.params.project import LOSS_FILE, Project
from mentor3ad.params.schema import PARAMS_FILE, Preparation
from mentor3ad.plumbing.documents import dump_json
from mentor3ad.publishing.writer import write_store
from mentor3ad.report.best import FILE as BEST_FILE
from mentor3ad.seals.sealed import Inputs, open_chain

CATEGORY = "made-up"
KINDS = ("crack", "dent", "hole", "stain")
PART, DEFECT = 40, 20  # pixels a side
HIGH = slice((SIZE - PART) // 2, (SIZE + PART) // 2)
MARK = slice((SIZE - DEFECT) // 2, (SIZE + DEFECT) // 2)
STEPS = ("manifest", "vote", "evaluate", "rivals", "report")
LEFT_OUT = ("rivals",)  # no method is on; the report asks for the file
REPEATED = 64  # scans whose noise differs; the defects' differ all


@dataclass(frozen=True)
class MadeUp:
    """The arrays of made-up scans, by their position among so many."""

    rows: tuple[ManifestRow, ...]

    @classmethod
    def of(cls, count: int) -> "MadeUp":
        return cls(tuple(made_up_row(i, count) for i in range(count)))

    def score_maps(self, scan: int) -> np.ndarray:
        """(3, 224, 224) float32, 0 off the part; higher where the defect is, if there is one."""
        rng = np.random.default_rng(scan % REPEATED)
        maps = np.zeros(SCORES.shape, np.float32)
        maps[:, HIGH, HIGH] = rng.gamma(4.0, 0.02, (len(maps), PART, PART))
        rng = np.random.default_rng(scan)
        maps *= np.float32(rng.uniform(0.9, 1.1))
        if self.rows[scan].label:
            maps[:, MARK, MARK] *= np.float32(rng.uniform(1.2, 4.0))
        return maps

    def mask(self, scan: int) -> np.ndarray:
        """(224, 224) bool, the defect."""
        mask = np.zeros((SIZE, SIZE), bool)
        mask[MARK, MARK] = bool(self.rows[scan].label)
        return mask

    def exhibit(self, scan: int) -> Exhibit:
        y, x = np.mgrid[HIGH, HIGH] * 1e-3
        points = np.stack([x, y, 0.5 + 0.1 * x * y], axis=-1).reshape(-1, 3).astype(np.float32)
        picture = np.full((SIZE, SIZE, 3), scan % 200, np.uint8)
        return Exhibit(points, picture if self.rows[scan].split == "test" else None)


def made_up_row(scan: int, count: int) -> ManifestRow:
    share = 10 * scan // count
    split: Split = "train" if share < 6 else "validation" if share < 7 else "test"
    kind = KINDS[scan // 2 % len(KINDS)] if split == "test" and scan % 2 else "good"
    name = f"{split}/{kind}/{scan:07d}"
    return ManifestRow(
        id=name,
        split=split,
        label=int(kind != "good"),  # type: ignore[arg-type]
        defect=kind,
        rgb=f"{CATEGORY}/{name}.png",
        points=f"{CATEGORY}/{name}.tiff",
        mask=None if kind == "good" else f"{CATEGORY}/{name}_mask.png",
        sha256=f"{scan:064x}",
        prepared_sha256=f"{scan + 1:064x}",
        height=SIZE,
        width=SIZE,
        n_foreground=PART * PART,
    )


def write_prepared(folder: Path, scans: MadeUp, options: Preparation) -> Manifest:
    """Write a prepared folder without its seal: manifest, foreground and masks."""
    folder.mkdir(parents=True)
    write_manifest(folder, CATEGORY, options, scans.rows)
    part = np.zeros((SIZE, SIZE), bool)
    part[HIGH, HIGH] = True
    packed = pack_bits(part)[None]
    with ExitStack() as stack:
        files = [
            stack.enter_context(GrowingArray(folder / name, np.uint8, PACKED))
            for name in (FOREGROUND_FILE, MASKS_FILE)
        ]
        for scan in range(len(scans.rows)):
            for file, rows in zip(files, (packed, pack_bits(scans.mask(scan))[None]), strict=True):
                file.append(rows)
    return Manifest(SCHEMA, CATEGORY, options, scans.rows)


def write_category(folder: Path, count: int) -> None:
    """Write a project whose category has all that `vote` and what follows it read."""
    text = settings(
        "demo", {"demo.categories": [], "data.categories": [CATEGORY], "rivals.methods": []}
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PARAMS_FILE).write_text(text, encoding="utf-8")
    (folder / BEST_FILE).parent.mkdir()
    (folder / BEST_FILE).write_text("{}\n", encoding="utf-8")
    project, scans = Project(folder), MadeUp.of(count)
    prepared = project.prepared(CATEGORY)
    manifest = write_prepared(prepared, scans, params_of(text).data.preparation)
    with writing_exhibits(prepared) as write:
        for scan in range(count):
            write.append(scans.exhibit(scan))
    with GrowingArray(prepared / TRAITS_FILE, np.float64, len(TRAITS)) as traits:
        for scan in range(count):
            traits.append(np.full((1, len(TRAITS)), (scan % REPEATED) / REPEATED))
    seal_prepared(prepared, CATEGORY)
    for kind in ("mfm", "mgm"):
        out = project.outs(CATEGORY, kind)[kind]
        out.mkdir(parents=True)
        (out / LOSS_FILE).write_text(dump_json([{"step": 1, "loss": 1.0}]))
        Inputs(CATEGORY, {}).seal(out, kind)
    store = maps_manifest(SCORES_KIND, SCORES, manifest, {})
    made_from = open_chain(CATEGORY, project.outs(CATEGORY, "prepared", "mfm", "mgm"))

    def compute(samples: range) -> dict[str, np.ndarray]:
        return {SCORES.name: np.stack([scans.score_maps(i) for i in samples])}

    staging = folder / ".staging"
    out = project.scores(CATEGORY)
    write_store(out, store, compute, staging, made_from=made_from.digests)


def read_manifest(folder: Path) -> None:
    """Read what every stage reads first, and make a store's identity of it, as they do."""
    project = Project(folder)
    manifest = Manifest.load(project.prepared(CATEGORY))
    load_foreground(project.prepared(CATEGORY), manifest)
    store = maps_manifest(SCORES_KIND, SCORES, manifest, {})
    assert store.fingerprint == store.fingerprint
    if project.scores(CATEGORY).exists():
        assert Store.open(project.scores(CATEGORY), SCORES_KIND, CATEGORY).manifest == store


def measure(count: int, folder: Path, until: str = STEPS[-1]) -> Iterator[tuple[str, Usage]]:
    """What each stage used on a category of so many scans, up to one of them."""
    yield "made up", _own("--write", str(folder), "--scans", str(count))
    for name in STEPS[: STEPS.index(until) + 1]:
        if name == "manifest":
            use = _own("--read", str(folder))
        else:
            use = stage(name, folder, *([] if name == "report" else ["--category", CATEGORY]))
        if name not in LEFT_OUT:
            yield name, use


def measure_manifest(count: int, folder: Path) -> Usage:
    """What reading the manifest of so many scans takes; there are no maps."""
    prepared = Project(folder).prepared(CATEGORY)
    options = params_of(settings("demo", {})).data.preparation
    write_prepared(prepared, MadeUp.of(count), options)
    seal_prepared(prepared, CATEGORY)
    return _own("--read", str(folder))


def _own(*arguments: str) -> Usage:
    return run([sys.executable, "-m", "bench.scale", *arguments], Path.cwd())


def rows_of(found: Sequence[tuple[int, str, Usage]]) -> list[Row]:
    """A row for each stage and number of scans, and one for the growth of each stage."""
    rows = []
    for scans, name, use in found:
        used: dict[str, Figure] = {"seconds": use.seconds, "cpu_s": use.cpu_seconds}
        rows.append(Row(f"{name}, {scans:,}", used | {"peak_rss_mb": use.peak_rss / 1e6}))
    for name in dict.fromkeys(name for _, name, _ in found):
        grown = {scans: use.cpu_seconds for scans, one, use in found if one == name}
        if len(grown) > 1:
            growth = exponent(list(grown), list(grown.values()))
            rows.append(Row(f"{name}, growth", {"exponent_of_cpu": growth}))
    return rows


def main(
    scans: Annotated[list[int] | None, typer.Option(help="Scans; may be repeated.")] = None,
    manifest: Annotated[list[int] | None, typer.Option(help="Of a manifest alone.")] = None,
    write: Annotated[Path | None, typer.Option(hidden=True)] = None,
    read: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure manifest, vote, evaluate and report on made-up categories."""
    if write:
        write_category(write, (scans or [0])[0])
        return
    if read:
        read_manifest(read)
        return
    before, found = os.getloadavg()[0], []
    with tempfile.TemporaryDirectory(prefix="mentor3ad-scale-") as name:
        for count in scans or []:
            folder = Path(name) / str(count)
            for step, use in measure(count, folder):
                found.append((count, step, use))
                print(f"{step}, {count:,}: {use.figures()}", file=sys.stderr, flush=True)
            shutil.rmtree(folder)
        for count in manifest or []:
            folder = Path(name) / f"manifest-{count}"
            found.append((count, "manifest", measure_manifest(count, folder)))
            shutil.rmtree(folder)
    print("\n".join(table([{"what": row.what, **row.figures} for row in rows_of(found)])))
    print(f"\nLoad average {before:.1f} before, {os.getloadavg()[0]:.1f} after.")


if __name__ == "__main__":
    typer.run(main)
