"""Measures the engine: `python -m bench.cluster kills|overhead|efficiency|repro|study`."""

import argparse
import sys

from .kills import kills
from .overhead import SHARDS, efficiency, overhead
from .repro import repro
from .study import study


def main() -> int:
    """Run what the command line asks for; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("what", choices=("kills", "overhead", "efficiency", "repro", "study"))
    parser.add_argument("--trials", type=int, default=20, help="kills")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of kills")
    parser.add_argument("--shards", type=int, default=SHARDS, help="of overhead")
    parser.add_argument("--workers", type=int, default=8, help="of efficiency")
    parser.add_argument("--seconds", type=float, default=0.5, help="a shard, of efficiency")
    parser.add_argument("--small", action="store_true", help="repro: few scans, short trainings")
    options = parser.parse_args()
    if options.what == "kills":
        lines = kills(options.trials, options.seed)  # prints as it goes
    elif options.what == "overhead":
        lines = overhead(options.shards)
    elif options.what == "repro":
        lines = repro(options.small)
    elif options.what == "study":
        lines = study()
    else:
        lines = efficiency(options.workers, options.seconds)
    if options.what != "kills":
        print(*lines, sep="\n")
    return int(any("BROKEN" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
