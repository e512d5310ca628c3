"""The pages against the tree: links, paths, modules, params and rooms that they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mentor3ad.plumbing.version import __version__
from tests.paths import ROOT

HISTORY = "CHANGELOG.md"  # it may name what is gone
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PRESENT = [page for page in PAGES if page.name != HISTORY]
PARAMS = YAML(typ="safe", pure=True).load((ROOT / "params.yaml").read_text(encoding="utf-8"))
FOLDERS = ("pipeline", "stages", "bench", "testbed", "tests", "docs", "studies", ".github")
PLACEHOLDER = re.compile(r"NAME|PAGE|/X\b")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text_of(page), flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def is_broken(page: Path, link: str) -> bool:
    place, _, anchor = link.partition("#")
    target = (page.parent / place).resolve() if place else page
    if not target.exists():
        return True
    return bool(anchor) and anchor not in anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    inside = [link for link in links(page) if not re.match(r"https?:|mailto:", link)]
    assert [link for link in inside if is_broken(page, link)] == []


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_paths_in_the_repository_exist(page: Path) -> None:
    named = re.findall(r"`((?:[\w.-]+/)+(?:[\w.-]+)?|\w+\.py)`", prose(page))
    ours = [path for path in named if not PLACEHOLDER.search(path)]
    rooms = {path.name for path in (ROOT / "pipeline").iterdir()}
    missing = [
        path
        for path in ours
        if path.split("/")[0] in {*FOLDERS, *rooms}
        and not (ROOT / path).exists()
        and not (ROOT / "pipeline" / path).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_modules_that_commands_run_exist(page: Path) -> None:
    modules = re.findall(r"python -m ((?:mentor3ad|stages|bench)[\w.]*)", text_of(page))
    files = [ROOT.joinpath(*module.split(".")) for module in modules]
    assert [str(f) for f in files if not (f.with_suffix(".py").exists() or f.is_dir())] == []


def leaves_and_sections(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from leaves_and_sections(value, f"{prefix}{key}.")


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_params_exist(page: Path) -> None:
    sections = "|".join(PARAMS)
    text = re.sub(r"^```python.*?^```", "", text_of(page), flags=re.S | re.M)
    named = re.findall(rf"(?<![\w./])((?:{sections})(?:\.[a-z_]+)+)(?![\w./(])", text)
    files = {"safetensors", "zarr", "py", "yaml", "json", "md"}
    params = {name for name in named if name.rsplit(".")[-1] not in files}
    assert sorted(params - set(leaves_and_sections(PARAMS))) == []


def test_the_architecture_page_has_every_room() -> None:
    table = text_of(ROOT / "docs/architecture.md").partition("| room |")[2].partition("\n\n")[0]
    first_cells = re.findall(r"^\| ([^|]+) \|", table, flags=re.M)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    rooms = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert named == rooms


def test_the_citation_is_of_this_release() -> None:
    citation = YAML(typ="safe", pure=True).load(text_of(ROOT / "CITATION.cff"))
    assert citation["version"] == __version__
