"""Runs measurements and keeps their results: JSON for machines, Markdown for people."""

import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.catalogue import CATALOGUE, Measurement
from bench.figures import Unavailable
from bench.harness import Bench
from bench.machine import describe, slug
from bench.project import params_of, settings
from bench.table import markdown, section, with_tables
from mentor3ad.plumbing.errors import ConfigError
from testbed.paths import ROOT

SCHEMA = 2  # 1: shares of one torch.mm of 2,048 x 2,048 matrices, `share_of_gemm`
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"


@dataclass(frozen=True)
class Options:
    """What is measured, and on what."""

    names: tuple[str, ...] = ()  # none: the usual ones
    quick: bool = False
    scans: int | None = None  # of the generated category; None: 28, quick 12
    models: Path | None = None
    folder: Path | None = None


def choose(names: Sequence[str]) -> list[str]:
    """Names in the order of the catalogue; the usual ones where none is given.

    Raises:
        ConfigError: there is no such measurement.
    """
    if unknown := [name for name in names if name not in CATALOGUE]:
        raise ConfigError(f"no measurement {unknown[0]!r}; `mentor3ad bench --list` shows them all")
    return [name for name, m in CATALOGUE.items() if name in names or (not names and m.usual)]


def measure(options: Options, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run measurements one after the other, in a temporary folder; `tell` is given each's table."""
    names, before = choose(options.names), _load()
    params = params_of(settings("demo", {}))
    scans = options.scans or (12 if options.quick else 28)
    with tempfile.TemporaryDirectory(prefix="mentor3ad-bench-") as folder:
        models = options.models and options.models.resolve()
        bench = Bench(params, Path(folder), options.quick, scans, models, options.folder)
        results = {}
        for name in names:
            results[name] = _run(name, bench)
            tell(section(name, results[name]))
        _take_final_limits(results, bench)
    return {
        "schema": SCHEMA,
        "machine": describe(),
        "commit": commit(),
        "load_average": [before, _load()] if before is not None else None,
        "settings": {"quick": options.quick, "scans": scans},
        "params": params.model_dump(),
        "results": results,
    }


def _run(name: str, bench: Bench) -> dict[str, Any]:
    measurement, start = CATALOGUE[name], time.perf_counter()
    print(f"{name} ...", end="", file=sys.stderr, flush=True)
    result: dict[str, Any] = {"title": measurement.title, "rows": []}
    try:
        result["rows"] = _rows(measurement, bench)
    except Unavailable as reason:
        result["left_out"] = f"Left out: {reason}."
    except Exception as error:  # the others' minutes are not lost with it
        traceback.print_exc()
        result |= {"failed": True, "left_out": f"Failed: {error}"}
    result["took_s"] = round(time.perf_counter() - start, 1)
    print(f" {result['took_s']} s", file=sys.stderr, flush=True)
    return result


def _take_final_limits(results: dict[str, Any], bench: Bench) -> None:
    """Measure the limits once more at the end, and set every share against the better of both."""
    if "limits" not in vars(bench):  # nothing was set against them
        return
    bench.limits.look_again(bench.device)
    rows = [row for measured in results.values() for row in measured["rows"]]
    for row in rows:
        if "share_of_limit" in row:
            rate, dtype = 1e9 * row["gflop_per_s"], row["dtype"]
            row["share_of_limit"] = bench.limits.share(rate, dtype, bench.device)
    if results.get("limits", {}).get("rows"):
        results["limits"]["rows"] = _rows(CATALOGUE["limits"], bench)


def _rows(measurement: Measurement, bench: Bench) -> list[dict[str, Any]]:
    return [{"what": row.what, **row.figures} for row in measurement.run(bench)]


def failures(result: dict[str, Any]) -> list[str]:
    """The measurements that ended in an error."""
    return [name for name, measured in result["results"].items() if measured.get("failed")]


def record(result: dict[str, Any]) -> list[Path]:
    """Write the result of this machine and the table of docs/performance.md."""
    RESULTS.mkdir(exist_ok=True)
    base = RESULTS / slug(result["machine"])
    tables = markdown(result)
    files = [base.with_suffix(".json"), base.with_suffix(".md"), PAGE]
    files[0].write_text(as_json(result), encoding="utf-8")
    files[1].write_text(f"# {base.name}\n\n{tables}", encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
    return files


def as_json(result: dict[str, Any]) -> str:
    return json.dumps(result, indent=1) + "\n"


def commit() -> str:
    """The checkout's commit, `-dirty` where files differ from it; unknown without git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
