"""`python -m bench.gpu_peak MODULE...`: runs a module, then notes its peak GPU memory.

Only the process itself can tell: the number of bytes that torch reserved goes to the file that
$MENTOR3AD_BENCH_GPU_PEAK names.
"""

import atexit
import os
import runpy
import sys
from pathlib import Path


def note_peak() -> None:
    torch = sys.modules.get("torch")
    used = torch is not None and torch.cuda.is_initialized()
    peak = torch.cuda.max_memory_reserved() if torch is not None and used else 0
    Path(os.environ["MENTOR3AD_BENCH_GPU_PEAK"]).write_text(str(peak))


if __name__ == "__main__":
    atexit.register(note_peak)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
