"""Coverage-guided fuzzing (atheris) of the parsers of pipeline/readers that are our own code.

Each parser is fuzzed by a process of its own, beginning with good files. A parser may return, or
raise the error of ours that refuses a file; anything else, over 10 s for an input or over 2 GB
is a fault, and the input that did it is kept.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from testbed.paths import ROOT

from . import seeds
from .project import Base, remove
from .tally import CRASHED, HELD, HUNG, MEMORY, TRACEBACK, Tally, Verdict

CODE = ("-m", "bench.faults.fuzz")  # what Python runs to fuzz one parser
INPUT_S = 10  # seconds for an input at most
MEMORY_MB = 2048
LONGEST = 1 << 14  # bytes of an input: the good files have 2,500
KEPT = "kept"  # the folder of the inputs that broke a promise
ENDS = {70: HUNG, 71: MEMORY, 77: TRACEBACK}  # exit codes of libFuzzer
LZF_SIZE = 1 << 12  # bytes that a stream of LZF is said to hold

SEEDS = {  # the good files that each parser begins with
    "ply": "geometry/*.ply",
    "pcd": "geometry/*.pcd",
    "lzf": "geometry/binary_compressed.pcd",
    "csv": "geometry/*.csv",
    "npy": "geometry/*.npy",
    "npz": "geometry/*.npz",
    "tiff": "geometry/*.tiff",
    "png": "*/*.png",
    "json": "cameras/*.json",
    "yaml": "cameras/*",
}

Parser = Callable[[Path], object]


def fuzz(base: Base, tally: Tally, trials: int, rng: random.Random) -> Iterator[None]:
    """Fuzz each parser for so many inputs, or for the base's minutes where it has any."""
    if find_spec("atheris") is None:
        raise SystemExit("error: fuzz needs atheris: pip install mentor3ad[fuzz], on Linux")
    for name in SEEDS:
        if not base.tries(name):
            continue
        corpus = base.folder / "corpus" / name
        remove(corpus)
        _fill(corpus, name)
        limit = f"-runs={trials}"
        if base.minutes is not None:
            limit = f"-max_total_time={round(60 * base.minutes)}"
        inputs, verdict, text = fuzz_parser(
            name, corpus, base.folder / KEPT, limit, rng.getrandbits(31)
        )
        if inputs:
            tally.add(name, HELD, count=inputs)
        if verdict is not None:
            tally.add(name, verdict, text)
        tally.notes[f"{name}: {text}"] += 1
        yield


def fuzz_parser(
    name: str, corpus: Path, kept: Path, limit: str, seed: int
) -> tuple[int, Verdict | None, str]:
    """Inputs that a parser stood, what the last one did to it, and a line about it."""
    kept.mkdir(parents=True, exist_ok=True)
    options = [limit, f"-seed={seed}", f"-timeout={INPUT_S}", f"-rss_limit_mb={MEMORY_MB}"]
    options += [f"-max_len={LONGEST}", f"-artifact_prefix={kept}/{name}-", "-print_final_stats=1"]
    done = subprocess.run(
        [sys.executable, *CODE, name, str(corpus), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
    )
    said = done.stdout + done.stderr
    executed = re.findall(r"number_of_executed_units: (\d+)", said) or re.findall(
        r"^#(\d+)", said, flags=re.MULTILINE
    )
    if done.returncode == 0:
        covered = re.findall(r"cov: (\d+)", said)
        return int(executed[-1]), None, f"{covered[-1] if covered else 'no'} branches were covered"
    inputs = int(executed[-1]) if executed else 0
    verdict = ENDS.get(done.returncode, CRASHED)
    lines = [line for line in said.splitlines() if "Error" in line or "error" in line]
    return max(0, inputs - 1), verdict, (lines or [f"exit code {done.returncode}"])[0][:200]


def _fill(folder: Path, name: str) -> None:
    """Put the good files of a parser into its corpus."""
    made = folder.with_name(f"{name}-made")
    kinds = (seeds.geometry, seeds.images, seeds.cameras)
    files = [path for kind in kinds for path in kind(made / kind.__name__)]
    folder.mkdir(parents=True)
    for path in files:
        if path.match(SEEDS[name]):
            content = path.read_bytes()
            if name == "lzf":  # behind the header and the two sizes
                content = content[content.index(b"binary_compressed\n") + 26 :]
            (folder / path.name).write_bytes(content)
    remove(made)


def parser(name: str) -> Parser:
    from mentor3ad.readers.formats.calibration import load_calibration
    from mentor3ad.readers.formats.camera import Camera
    from mentor3ad.readers.formats.geometry import read_organised
    from mentor3ad.readers.formats.lzf import decompress
    from mentor3ad.readers.formats.png import read_png_header

    def lzf(path: Path) -> None:
        try:
            plain = decompress(path.read_bytes(), LZF_SIZE)
        except ValueError:
            return
        assert len(plain) == LZF_SIZE, "another size than promised"

    def geometry(path: Path) -> None:
        made = read_organised(path, camera=Camera(40.0, 40.0, 7.5, 5.5, 16, 12))
        assert made.points.shape[2:] == (3,), "points of another shape"
        assert made.points.dtype == "float32", "points of another type"
        assert bool(abs(made.points).max(initial=0) <= 100), "a point that is no place"

    special: dict[str, Parser] = {"lzf": lzf, "png": read_png_header}
    special |= {"json": load_calibration, "yaml": load_calibration}
    return special.get(name, geometry)


def main() -> None:
    """Fuzz one parser; libFuzzer takes its options from the command line, and ends the process."""
    import atheris

    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["mentor3ad.readers", "mentor3ad.plumbing.documents"]):
        parse = parser(name)
    from mentor3ad.plumbing.errors import DataError

    folder = Path(tempfile.mkdtemp(prefix="mentor3ad-fuzz-"))
    path = folder / f"input.{name}"

    def one_input(content: bytes) -> None:
        path.write_bytes(content)
        try:
            parse(path)
        except DataError:
            return

    os.chdir(folder)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
