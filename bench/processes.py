"""Commands as processes of their own, and what each used."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed.paths import ROOT

CHILD = Path(__file__).with_name("child.py")
GPU_PEAK = "MENTOR3AD_BENCH_GPU_PEAK"  # names the file of a stage's peak GPU memory


@dataclass(frozen=True)
class Usage:
    """What a process used; bytes are those of its read and write calls, the page cache's too."""

    seconds: float
    cpu_seconds: float
    peak_rss: int  # bytes, of the largest single process
    read: int | None  # bytes; None: the system does not tell
    written: int | None
    gpu: int | None = None  # bytes that torch reserved on the GPU at most; None: there is none

    def figures(self) -> dict[str, float | int | None]:
        """For a row, in MB (10^6 bytes)."""
        return {
            "seconds": self.seconds,
            "cpu_s": self.cpu_seconds,
            "peak_rss_mb": self.peak_rss / 1e6,
            **({} if self.gpu is None else {"gpu_mb": self.gpu / 1e6}),
            "read_mb": None if self.read is None else self.read / 1e6,
            "written_mb": None if self.written is None else self.written / 1e6,
        }


def run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> Usage:
    """Run a command in a folder; it must succeed.

    Args:
        environment: None: this process's own, in which this checkout's code is found.
    """
    with tempfile.TemporaryDirectory() as name:
        usage, gpu = Path(name) / "usage.json", Path(name) / "gpu"
        done = subprocess.run(
            [sys.executable, "-S", str(CHILD), str(usage), *command],
            cwd=folder,
            env={**(environment or _own_environment()), GPU_PEAK: str(gpu)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        peak = int(gpu.read_text()) if gpu.exists() else None
        return Usage(**json.loads(usage.read_text()), gpu=peak)


def _own_environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def stage(name: str, folder: Path, *arguments: str) -> Usage:
    """Run a stage script; where there is a GPU, by way of one that notes the peak there."""
    import torch

    through = ["bench.gpu_peak"] if torch.cuda.is_available() else []
    return run([sys.executable, "-m", *through, f"stages.{name}", *arguments], folder)
