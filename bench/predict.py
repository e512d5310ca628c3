"""Time per scan of a warm inspector on one device, step by step, and of loading it.

    python -m bench.predict --models models/bagel FOLDER

Inspects each scan of the folder once, one after the other, and prints a Markdown table of medians
and of the 90th percentile. The load average before and after tells how busy the machine was.
"""

import os
import platform
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pipeline.inspection.inspector import STEPS, Inspection, Inspector
from pipeline.inspection.scans import find_scans


def main(
    folder: Path,
    models: Annotated[Path, typer.Option(help="A bundle, or a project's folder.")] = Path(),
    category: Annotated[str | None, typer.Option()] = None,
    device: str = "cpu",
    scans: Annotated[int, typer.Option(help="At most so many.")] = 40,
) -> None:
    before = os.getloadavg()[0]
    start = time.perf_counter()
    inspector = Inspector.load(models, category, device)
    loaded = time.perf_counter() - start
    warm_up = inspector.warm_up()
    files = find_scans(folder, inspector.model).scans[:scans]
    done = [inspector.inspect_scan(scan) for scan in files]
    print(f"{os.cpu_count()} cores of {platform.processor() or platform.machine()}, {device}")
    print(f"load average {before:.1f} before, {os.getloadavg()[0]:.1f} after")
    print(f"load {loaded:.1f} s, first scan {warm_up:.2f} s, {len(done)} scans\n")
    print_table(done)


def print_table(done: list[Inspection]) -> None:
    rows = {step: [one.seconds[step] for one in done] for step in STEPS}
    rows["all"] = [sum(one.seconds.values()) for one in done]
    print("| step | median ms | 90 % ms |\n|---|---|---|")
    for step, seconds in rows.items():
        median, slow = np.percentile(seconds, (50, 90)) * 1000
        print(f"| {step} | {median:.0f} | {slow:.0f} |")


if __name__ == "__main__":
    typer.run(main)
