"""tests/ mirrors the tree of pipeline/; helpers that several rooms share lie at its top."""

import ast
import re
from pathlib import Path

from tests.paths import ROOT

TESTS, PIPELINE = ROOT / "tests", ROOT / "pipeline"
OTHERS = {
    "bench": "tests of bench/",
    "docs": "the pages against the tree",
    "e2e": "the DAG through dvc",
    "golden": "golden vectors",
    "stages": "tests of stages/",
}


def test_every_folder_of_tests_is_one_of_the_pipeline() -> None:
    folders = {file.parent.relative_to(TESTS) for file in TESTS.rglob("test_*.py")}
    strange = [f for f in folders if f.parts and f.parts[0] not in OTHERS]
    assert [str(folder) for folder in strange if not (PIPELINE / folder).is_dir()] == []


def test_every_room_has_tests() -> None:
    rooms = {path.name for path in PIPELINE.iterdir() if (path / "__init__.py").is_file()}
    assert sorted(room for room in rooms if not list(TESTS.glob(f"{room}/**/test_*.py"))) == []


def test_no_room_takes_helpers_from_another_rooms_tests() -> None:
    found = {file: re.findall(r"^from tests\.(\w+)\.", text(file), re.M) for file in files()}
    assert [str(f) for f, rooms in found.items() for room in rooms if room != f.parts[0]] == []


def test_bench_imports_no_test() -> None:
    """What both need lies in testbed/."""
    folders = (ROOT / "bench", ROOT / "testbed", PIPELINE, ROOT / "stages")
    sources = [file for folder in folders for file in folder.rglob("*.py")]
    pattern = re.compile(r"^\s*(from|import) tests\b", re.M)
    assert [str(f) for f in sources if pattern.search(f.read_text(encoding="utf-8"))] == []


def files() -> list[Path]:
    return [file.relative_to(TESTS) for file in TESTS.rglob("*.py")]


def text(file: Path) -> str:
    return (TESTS / file).read_text(encoding="utf-8")


def test_no_two_classes_of_the_library_share_a_name() -> None:
    """A reader who meets a name in another room may think of the wrong one."""
    names: dict[str, list[str]] = {}
    for file in PIPELINE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, []).append(str(file.relative_to(PIPELINE)))
    assert {name: places for name, places in names.items() if len(places) > 1} == {}
