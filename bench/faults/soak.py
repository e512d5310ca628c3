"""Long runs and several at once: memory and open files, threads, two of a kind, and readers."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

from testbed.clone import CATEGORY, Project

from . import forked
from .compare import all_made
from .forked import Command, Ended
from .kills import lines, watch_command
from .project import MODEL, SCANS, Base, remove, state
from .tally import DIFFERS, HARMLESS, MEMORY, REFUSED, SAME, STUCK, Tally, Verdict

GROWTH = 0.05  # of the resident memory after the first fifth, at most
THREADS = 8


def soak(base: Base, tally: Tally, trials: int, rng: random.Random) -> Iterator[None]:
    """What runs side by side, then so many scans through one Inspector and one watch."""
    base.bundle()
    parts = (_two_watches, _two_repros, _readers, _threads, _inspector, _watch)
    for part in parts:
        name, verdict, text = part(base, trials)
        tally.add(name, verdict, text)
        tally.notes[f"{name}: {text}"] += 1
        yield


def _inspector(base: Base, scans: int) -> tuple[str, Verdict, str]:
    ended = forked.run(lambda: _inspect(base, scans), base.root, limit_s=3600)
    return f"{scans:,} scans through one Inspector", _judged(ended), ended.last_line


def _inspect(base: Base, count: int) -> None:
    from mentor3ad.inspection.inspector import Inspector
    from mentor3ad.inspection.scans import find_scans

    inspector = Inspector.load(base.root / MODEL, device="cpu")
    scans = find_scans(base.root / SCANS, inspector.model).scans
    first = {scan.id: inspector.inspect_scan(scan).score for scan in scans}
    early = (0, 0)
    for number, scan in enumerate(islice(cycle(scans), count)):
        if inspector.inspect_scan(scan).score != first[scan.id]:
            raise SystemExit(f"scan {number} has another score than at first")
        if number == count // 5:
            early = usage(os.getpid())
    _report(early, usage(os.getpid()))


def usage(pid: int) -> tuple[int, int]:
    """Resident bytes and open files of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _report(early: tuple[int, int], late: tuple[int, int]) -> None:
    text = f"{early[0] / 1e6:.0f} to {late[0] / 1e6:.0f} MB, {early[1]} to {late[1]} open files"
    if late[0] > early[0] * (1 + GROWTH) or late[1] > early[1]:
        raise SystemExit(f"grew from {text}")
    print(text)


def _judged(ended: Ended) -> Verdict:
    if ended.code == 0:
        return SAME
    return MEMORY if "grew from" in ended.text else DIFFERS


def _watch(base: Base, scans: int) -> tuple[str, Verdict, str]:
    """Scans arrive in tens, as files that a sensor writes beside and renames."""
    root = _station(base)
    source = base.root / SCANS / "good"
    file, name = root / "out/predictions.jsonl", f"{scans:,} scans through one watch"
    with tempfile.TemporaryFile() as output:
        child = forked.spawn(watch_command(), root, output.fileno())
        early, done, deadline = (0, 0), 0, time.monotonic() + 60 + 5 * scans
        while done < scans and time.monotonic() < deadline:
            count = min(scans, done + 10)
            for number in range(done, count):
                _arrive(source, root / "scans", number)
            while len(lines(file)) < count and time.monotonic() < deadline:
                time.sleep(0.05)
            if done <= scans // 5 < count:
                early = usage(child)
            done = count
        late = usage(child)
        os.kill(child, signal.SIGTERM)
        forked.wait(child, 20)
    names = [line["id"] for line in lines(file)]
    scores = {line.get("score") for line in lines(file)}
    text = f"{early[0] / 1e6:.0f} to {late[0] / 1e6:.0f} MB, {early[1]} to {late[1]} open files"
    if len(names) != scans or len(set(names)) != scans or len(scores) != 1:
        return name, DIFFERS, f"{len(names)} lines, {len(scores)} scores"
    flat = late[0] <= early[0] * (1 + GROWTH) and late[1] <= early[1]
    return name, (SAME if flat else MEMORY), text


def _arrive(source: Path, folder: Path, number: int) -> None:
    for kind, suffix in (("rgb", ".png"), ("xyz", ".tiff")):
        part = folder / f".{number}{suffix}"
        shutil.copyfile(source / kind / f"000{suffix}", part)
        part.rename(folder / f"{number:05d}{suffix}")


def _station(base: Base) -> Path:
    root = base.folder / "station"
    remove(root)
    (root / "scans").mkdir(parents=True)
    shutil.copytree(base.root / MODEL, root / MODEL)
    return root


def _threads(base: Base, scans: int) -> tuple[str, Verdict, str]:
    ended = forked.run(lambda: _side_by_side(base, min(scans, 200)), base.root, limit_s=1800)
    return f"{THREADS} threads beside one another", _judged(ended), ended.last_line


def _side_by_side(base: Base, count: int) -> None:
    from mentor3ad.inspection.inspector import Inspector
    from mentor3ad.inspection.scans import find_scans

    inspector = Inspector.load(base.root / MODEL, device="cpu")
    scans = find_scans(base.root / SCANS, inspector.model).scans
    serial = {scan.id: inspector.inspect_scan(scan) for scan in scans}
    many = list(islice(cycle(scans), count))
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(inspector.inspect_scan, many))
    for scan, one in zip(many, found, strict=True):
        if (
            one.score != serial[scan.id].score
            or (one.anomaly_map != serial[scan.id].anomaly_map).any()
        ):
            raise SystemExit(f"{scan.id} has another result than alone")
    print(f"{count} scans with the scores and maps of one thread")


def _two_watches(base: Base, _: int) -> tuple[str, Verdict, str]:
    """A second watch that writes the same results is refused; the first goes on."""
    root = _station(base)
    with tempfile.TemporaryFile() as output:
        child = forked.spawn(watch_command(), root, output.fileno())
        deadline = time.monotonic() + 60
        while not (root / "out/predictions.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        second = forked.run(watch_command(), root, limit_s=30)
        _arrive(base.root / SCANS / "good", root / "scans", 0)
        while not lines(root / "out/predictions.jsonl") and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(child, signal.SIGTERM)
        forked.wait(child, 20)
    went_on = len(lines(root / "out/predictions.jsonl")) == 1
    fault = second.fault
    verdict = fault if fault is not None and went_on else STUCK
    return "two watches, one folder of results", verdict, second.last_line


def _two_repros(base: Base, _: int) -> tuple[str, Verdict, str]:
    """Two `dvc repro` at once: one of them may refuse; the outs are those of one."""
    wanted = _edited(base)
    wanted.dvc("repro")
    made = all_made(wanted.root)
    project = _edited(base)
    both = [
        subprocess.Popen(
            ["dvc", "repro"],
            cwd=project.root,
            env=project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _n in range(2)
    ]
    texts = [process.communicate()[0] for process in both]
    codes = [process.returncode for process in both]
    project.dvc("repro")
    name = "two dvc repro at once"
    if "Traceback" in "".join(texts) or all(codes):
        return name, STUCK, texts[0].strip().splitlines()[-1][:200]
    return name, (SAME if all_made(project.root) == made else DIFFERS), f"exit codes {codes}"


def _edited(base: Base) -> Project:
    project = Project(base.copy("repro", whole=True), base.project.environment)
    project.params(model__mgm__steps=7)
    return project


def _readers(base: Base, trials: int) -> tuple[str, Verdict, str]:
    """`score` reads a store again and again while `extract` makes and publishes it anew."""
    root, counts = base.copy(), {"same": 0, "refused": 0}
    expected = state(root / base.out("score"))
    name = "score while extract publishes"
    with tempfile.TemporaryFile() as output:
        for _n in range(max(2, min(20, trials // 100))):
            remove(root / base.out("extract"))
            child = forked.spawn(forked.stage("extract", CATEGORY), root, output.fileno())
            while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                remove(root / base.out("score"))
                ended = forked.run(Command("stages.score", ("--category", CATEGORY)), root)
                if ended.fault is REFUSED:
                    counts["refused"] += 1
                elif ended.fault is not None:
                    return name, ended.fault, ended.last_line
                elif state(root / base.out("score")) != expected:
                    return name, DIFFERS, "another score"
                else:
                    counts["same"] += 1
            forked.wait(child, 60)
    return (
        name,
        HARMLESS,
        f"{counts['same']} read the whole store, {counts['refused']} were refused",
    )
