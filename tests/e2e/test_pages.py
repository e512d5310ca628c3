"""The commands of README.md and docs/*.md, run in their order on a tiny project.

A command has to end well, or as the page shows it, and every line that it prints below a `console`
block has to have the form of a line that the page shows there. Numbers, decisions and regions are
not compared: the pages show those of the demo, and this project is smaller.
"""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed.clone import Project
from tests.page_commands import PAGES, RUN, Command, commands, skipped
from tests.paths import ROOT

pytestmark = pytest.mark.e2e

CHECKOUT = ("python -m bench.rooms", "lint-imports", "mentor3ad bench --list")
VALUE = re.compile(
    r"\b[0-9a-f]{12}\b|-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\b(?:true|false)\b"
    r"|\"(?:good|defective)\""
)
REGIONS = re.compile(r', "regions": \[.*\]')  # which a good part has none of


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished project with an origin to push to; `mentor3ad` runs its own code."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(finished.root, folder / "project", symlinks=True)
    shutil.copyfile(
        ROOT / "studies/demo-ablation.yaml", folder / "project/studies/demo-ablation.yaml"
    )
    (folder / "bin").mkdir()
    script = folder / "bin/mentor3ad"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m mentor3ad.cli "$@"\n')
    script.chmod(0o755)
    path = f"{folder / 'bin'}:{finished.environment['PATH']}"
    project = Project(folder / "project", finished.environment | {"PATH": path})
    project.run("git", "init", "--quiet", "--bare", str(folder / "origin"))
    project.run("git", "remote", "add", "origin", str(folder / "origin"))
    project.commit()
    project.run("git", "push", "--quiet", "--set-upstream", "origin", "HEAD")
    return project


def run(project: Project, command: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a page with the shell; the share of the page is a folder of the test's."""
    command = command.replace("/mnt/shared", str(project.root.with_name("shared")))
    if command.startswith("git add") or "&& git commit" in command:  # there may be nothing new
        command = command.replace("git commit", "git commit --allow-empty --quiet")
    place = ROOT if command in CHECKOUT else project.root
    return subprocess.run(
        ["sh", "-c", command],
        cwd=place,
        env=project.environment,
        text=True,
        capture_output=True,
    )


def form(line: str) -> str:
    return " ".join(VALUE.sub("N", REGIONS.sub("", line)).split())


def unlike(printed: str, shown: tuple[str, ...]) -> list[str]:
    """The lines that have no counterpart: printed ones on the page, and the page's in print."""
    there = {form(line) for line in printed.splitlines() if line.strip()}
    wanted = {form(line) for line in shown if line.strip()}
    joined = form(" ".join(shown))  # the page wraps long lines
    printed_joined = form(" ".join(printed.splitlines()))
    return [] if joined == printed_joined else sorted(there ^ wanted)


def ends(command: Command) -> set[int]:
    """The exit codes of a command that does what its page says; 3 is a part that is rejected."""
    if command.text.startswith("mentor3ad predict"):
        return {0, 3}
    return {1} if any(line.startswith("error: ") for line in command.shown) else {0}


def wait_for_the_queue(project: Project) -> None:
    deadline = time.monotonic() + 400
    while "Queued" in (said := project.dvc("queue", "status")) or "Running" in said:
        assert time.monotonic() < deadline, said
        time.sleep(1)
    assert "Failed" not in said, said
    project.dvc("queue", "stop")


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("page", [p for p in PAGES if p.name in RUN], ids=lambda page: page.name)
def test_the_commands_of_a_page_do_what_it_shows(project: Project, page: Path) -> None:
    for command in commands(page):
        if skipped(page, command.text):
            continue
        done = run(project, command.text)
        if command.text == "echo $?":  # of the command before, in a shell of its own here
            continue
        assert done.returncode in ends(command), f"{command.text}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        if command.shown:  # the log lines beside a result are not shown
            assert unlike(done.stdout or done.stderr, command.shown) == [], command.text
        if "dvc queue start" in command.text:
            wait_for_the_queue(project)
