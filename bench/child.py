"""Runs a command and writes what it used, as JSON, to a file.

    python -S child.py USAGE.json COMMAND...

A small process of its own, for a child's peak memory begins at that of the process that forked it.
Standard library only; Linux tells the bytes, other systems do not.
"""

import json
import os
import sys
import time


def counters(pid: int) -> dict[str, int]:
    """Bytes of a process that has ended and is not yet reaped, its reaped children's included."""
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:  # noqa: PTH123 - nothing imported
            return {name: int(value) for name, value in (line.split(":") for line in file)}
    except OSError:
        return {}


def main(out: str, command: list[str]) -> int:
    start = time.perf_counter()
    pid = os.spawnvp(os.P_NOWAIT, command[0], command)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - start
    io = counters(pid)
    _, status, usage = os.wait4(pid, 0)
    figures = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_rss": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "read": io.get("rchar"),
        "written": io.get("wchar"),
    }
    with open(out, "w", encoding="ascii") as file:  # noqa: PTH123
        json.dump(figures, file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
