"""Wall time and peak memory of every stage of the demo, from scratch, in a temporary clone.

    python -m bench.demo

Prints a Markdown table. The stages run as `dvc repro` runs them, one process each.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from pipeline.config import load_params

STAGES = ["generate", "prepare", "extract", "train_mfm", "train_mgm", "score", "vote", "evaluate"]


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak resident MiB of one command; it must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def clone(target: Path) -> None:
    """The working tree's tracked and new files."""
    files = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], text=True
    )
    for file in files.splitlines():
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target / file)


def main() -> None:
    categories = load_params().data.categories
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clone(folder)
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for stage in STAGES:
            for category in categories:
                command = [sys.executable, "-m", f"stages.{stage}", "--category", category]
                rows[stage].append(run(command, folder))
        rows["report"].append(run([sys.executable, "-m", "stages.report"], folder))
    print(f"\n{os.cpu_count()} cores of {platform.processor() or platform.machine()}\n")
    print("| stage | runs | seconds, all | peak MiB |\n|---|---|---|---|")
    for stage, runs in rows.items():
        total, peak = sum(r[0] for r in runs), max(r[1] for r in runs)
        print(f"| {stage} | {len(runs)} | {total:.0f} | {peak:.0f} |")
    print(f"| all | | {sum(r[0] for runs in rows.values() for r in runs):.0f} | |")


if __name__ == "__main__":
    main()
