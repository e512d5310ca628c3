"""What the machine is: what a result depends on, and nothing that names a person or a place."""

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bench.figures import Figure, Row
from bench.harness import Bench
from mentor3ad.studies.speed import cpu_name

INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile")


def describe() -> dict[str, Any]:
    """Processor, instruction sets, memory, GPU and versions."""
    cpu = _cpu_info()
    flags = set(cpu.get("flags", cpu.get("Features", "")).split())
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads_of_torch": torch.get_num_threads(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "ram_gb": ram_gb(),
        "gpu": gpu,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def slug(machine: dict[str, Any]) -> str:
    """A file name for the machine's results: GPU or CPU, and cores."""
    name = f"{machine['gpu'] or machine['cpu']} {machine['cores']} cores"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def limits(bench: Bench) -> list[Row]:
    found, cpu = bench.limits, _cpu_info()
    rows = []
    for (dtype, threads), best in found.gemm.items():
        figures: dict[str, Figure] = {
            "gflop_per_s": best.rate / 1e9,
            "form": best.form,
            "shape": " x ".join(f"{size:,}" for size in best.shape),
            "theory_gflop_per_s": threads and theory(dtype, threads, cpu),
        }
        rows.append(Row(f"matrix product, {dtype}, {_threads(threads)}", figures))
    for threads, rate in found.copy.items():
        rows.append(Row(f"copy, read + written, {_threads(threads)}", _gb(rate)))
    rows.append(Row("disk, write and fsync", _gb(found.disk_write)))
    rows.append(Row("disk, read", _gb(found.disk_read)))
    return rows


# FLOPs a cycle of one core with two units of that width, by instruction set; the widest counts.
PER_CYCLE = {
    "float32": {"fma": 32, "avx512f": 64},
    "bfloat16": {"avx512_bf16": 128, "amx_bf16": 1024},
}


def theory(dtype: str, threads: int, cpu: Mapping[str, str]) -> float | None:
    """GFLOP/s of so many cores at the clock that the system tells; None where it tells none.

    Args:
        cpu: a processor's lines of /proc/cpuinfo. A core that has one unit of the width reaches
            half of it, and one that runs above the clock that is told passes it.
    """
    sets = PER_CYCLE[dtype]
    widest = max((sets[flag] for flag in cpu.get("flags", "").split() if flag in sets), default=0)
    clock = float(cpu.get("cpu MHz", 0)) / 1e3
    return threads * clock * widest or None


def _cpu_info() -> dict[str, str]:
    """The first processor of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def ram_gb() -> float | None:
    """Installed memory; None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _threads(threads: int) -> str:
    return {0: "GPU", 1: "1 thread"}.get(threads, f"{threads} threads")


def _gb(rate: float) -> dict[str, Figure]:
    return {"gb_per_s": rate / 1e9}
