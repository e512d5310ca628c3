"""The commands of README.md and docs/*.md: how they are read, and why some are not run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", flags=re.S | re.M)

# Pages whose commands run on a tiny project, in their order (tests/e2e/test_pages.py).
RUN = (
    *("README.md", "experiments.md", "ablate.md", "share-features.md"),
    *("inspect-your-parts.md", "weights.md", "performance.md", "architecture.md"),
)
# Why the commands of other pages do not.
NOT_RUN = {
    "ablation.md": "42 experiments; ablate.md has the same commands, tests/e2e/test_study.py a run",
    "backbones.md": "installs weights from an index, and needs MVTec 3D-AD",
    "buckets.md": "needs a bucket; tests/uploading and tests/verification make one",
    "troubleshooting.md": "looks at this machine; tests/doctor has each finding",
    "cluster.md": "starts a cluster; tests/engine starts one and extracts on it",
    "drift.md": "tests/serving/test_page_commands.py runs them, short of running for ever",
    "data-layouts.md": "a data set with five mistakes; tests/validation has each of them",
    "new-project.md": "installs from an index; tests/project has the wheel and the three steps",
    "reliability.md": "minutes of faults; tests/bench/test_faults.py runs a part of each kind",
    "reproduce-the-paper.md": "needs MVTec 3D-AD and Eyecandies, which cannot be shipped",
    "results.md": "needs MVTec 3D-AD and weights from an index",
    "reverse-proxy.md": "needs a proxy and a certificate; tests/serving asks for the token",
    "rivals.md": "four methods on the demo, three seeds each; tests/rivals has each of them",
    "scale.md": "an hour of made-up scans; tests/bench/test_scale.py makes up a few",
    "gpu.md": "needs a CUDA device; tests/bench/test_gpu.py runs its parts on the CPU",
    "service.md": "tests/serving/test_page_commands.py runs them, short of running for ever",
    "verify.md": "names stores and bundles of other data; tests/verification checks each kind",
    "station.md": "tests/serving/test_page_commands.py runs them, short of running for ever",
}
# Commands of pages that run which do not run themselves.
SKIPPED = {
    r"^make ": "installs from an index, or is this very test",
    r"weights (fetch|import)": "downloads, or takes a file that was downloaded",
    r"^mentor3ad (use|validate|new|train|bundle$)|^dvc repro$": "needs data that cannot be shipped",
    r"^mentor3ad bench(?! --list)": "takes minutes; tests/bench runs the measurements",
    r"^python -m bench\.real": "needs MVTec 3D-AD",
    r"study (run demo-ablation --jobs|show)": "42 experiments; tests/e2e/test_study.py runs two",
    r"^mentor3ad predict \"\$scan\"|^case|^  |^esac": "a sketch of a caller's script",
    r"^dvc plots show": "draws the plots that dvc.yaml lists; tests/cli has the page",
}
# `dvc repro` needs no data set on these pages: it runs on what is there.
REPRO = ("README.md", "share-features.md")


@dataclass(frozen=True)
class Command:
    """One command of a page.

    Attributes:
        shown: lines that the page shows below it; none where it shows no output.
    """

    text: str
    shown: tuple[str, ...]


def commands(page: Path) -> Iterator[Command]:
    """The commands of a page's fenced blocks, in order, without their comments."""
    for kind, body in _BLOCK.findall(page.read_text(encoding="utf-8")):
        lines = body.splitlines()
        if kind == "sh":
            yield from (Command(_bare(line), ()) for line in lines)
            continue
        starts = [n for n, line in enumerate(lines) if line.startswith("$ ")]
        for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
            yield Command(_bare(lines[start][2:]), tuple(lines[start + 1 : stop]))


def _bare(line: str) -> str:
    return re.sub(r"\s+# .*$", "", line)


def skipped(page: Path, command: str) -> bool:
    if command == "dvc repro" and page.name in REPRO:
        return False
    return any(re.search(pattern, command) for pattern in SKIPPED)
