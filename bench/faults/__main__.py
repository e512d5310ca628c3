"""Runs kinds of faults: `python -m bench.faults KIND... [--trials N] [--seed S] [--record]`."""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from testbed.clone import Project

from . import calls
from .page import Run, record, table
from .project import Base, make, remove_deep
from .tally import Tally

Kind = Callable[[Base, Tally, int, random.Random], Iterator[None]]
KINDS = {  # and the trials of a run in which no number is given
    "kills": 60,
    "repros": 20,
    "damage": 300,
    "calls": 100_000,  # every call of every subject
    "hostile": 2000,
    "soak": 2000,
    "fuzz": 100_000,  # inputs of each parser
}
ALONE = {"fuzz"}  # kinds that need no project
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> int:
    """Run what the command line asks for; 1 where a promise was broken."""
    options = _options()
    _one_thread()
    folder = options.folder or calls.folder() or Path(tempfile.mkdtemp(prefix="mentor3ad-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    if "calls" in options.kinds:
        calls.load_library(folder)
    try:
        base = _base(folder.resolve(), options)
        runs = [_run(kind, base, options) for kind in options.kinds]
    finally:
        if options.folder is None:
            remove_deep(folder)
    if options.record:
        record(runs)
    return 1 if any(run.tally.bad for run in runs) else 0


def _base(folder: Path, options: argparse.Namespace) -> Base:
    alone = ALONE.issuperset(options.kinds)
    base = Base(Project(folder, {}), folder) if alone else make(folder)
    return replace(base, only=tuple(options.only), minutes=options.minutes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("kinds", nargs="+", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--trials", type=int, help="how many faults; else as many as is usual")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of faults")
    parser.add_argument("--minutes", type=float, help="stop each kind, or parser, after so many")
    parser.add_argument("--only", nargs="+", default=(), help="stages, commands or parsers to try")
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md's tables")
    parser.add_argument("--folder", type=Path, help="keep the tiny project here, and use it again")
    return parser.parse_args()


def _one_thread() -> None:
    """Begin again with one thread for each library: a pool of threads does not survive a fork."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(sys.executable, sys.orig_argv, os.environ | dict.fromkeys(THREADS, "1"))


def _run(kind: str, base: Base, options: argparse.Namespace) -> Run:
    from . import forked

    if kind not in ALONE:
        forked.preload()
    function: Kind = getattr(import_module(f"bench.faults.{kind}"), kind)
    tally, start, wanted = Tally(), time.monotonic(), options.trials or KINDS[kind]
    for _ in function(base, tally, wanted, random.Random(options.seed)):
        spent = time.monotonic() - start
        print(f"\r{kind}: {tally.trials} trials, {tally.bad} bad, {spent:.0f} s", end="")
        if kind not in ALONE and options.minutes is not None and spent > 60 * options.minutes:
            break
    seconds = time.monotonic() - start
    run = Run(kind, wanted, options.seed, options.minutes, tally, seconds, base.only)
    print(f"\n{table(run.to_json())}")
    for name, texts in tally.to_json()["examples"].items():
        print(*(f"{name}: {text}" for text in texts), sep="\n")
    return run


if __name__ == "__main__":
    sys.exit(main())
