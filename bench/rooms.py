"""The code behind each stage: the rooms that dvc.yaml lists and the files that a stage imports.

    python -m bench.rooms

prints both for every stage, in lines of Python: what a stage lists is what makes it run again, what
it imports is what it needs. `tests/stages/test_dag.py` holds the one to the other.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mentor3ad.params.dag import DAG_FILE, Stage, load_dag
from testbed.paths import ROOT

PLACES = {"mentor3ad": ROOT / "pipeline", "stages": ROOT / "stages"}

# Code that no stage lists, because no change in it can change a stage's results:
NO_RESULT = {
    "pipeline/__init__.py": "the public names; a stage imports the rooms themselves",
    "pipeline/plumbing": "errors, logs, progress, locks: how work is done and told, not its result",
    "pipeline/engine": "hands work to workers, whose results are held to be those of one machine",
    "pipeline/buckets": "moves bytes between a bucket and here, which a seal or a hash then judges",
    "pipeline/params": "checks the params; DVC compares the values that dvc.yaml lists",
    "pipeline/project": "sets up projects, and compares hashes of the code; computes nothing",
    "pipeline/revisions": "reads what git and DVC keep of other commits; computes nothing",
    "stages/__init__.py": "ties the stage to its dvc",
    "stages/runner.py": "the command line of a stage",
}


def script(stage: Stage) -> Path:
    """The file that a stage runs."""
    found = re.match(r"exec python -m stages\.(\w+)", stage.cmd)
    assert found
    return ROOT / "stages" / f"{found[1]}.py"


def code_deps(stage: Stage) -> list[str]:
    """The rooms and files of our code among a stage's deps."""
    return [dep for dep in stage.deps if dep.startswith(("pipeline/", "stages/"))]


def listed(stage: Stage) -> set[Path]:
    """Every Python file that a stage's deps hold."""
    paths = [ROOT / dep for dep in code_deps(stage)]
    return {f for path in paths for f in ([path] if path.is_file() else path.rglob("*.py"))}


def imported(stage: Stage) -> set[Path]:
    """Every Python file that a stage's script imports and that can change its results."""
    return {f for f in closure(script(stage)) if not changes_no_result(f)}


def changes_no_result(file: Path) -> bool:
    """Whether no change in a file can change results: plumbing, and packages' docstrings."""
    name = file.relative_to(ROOT).as_posix()
    if any(name == free or name.startswith(f"{free}/") for free in NO_RESULT):
        return True
    return file.name == "__init__.py" and _holds_only_a_docstring(file)


def _holds_only_a_docstring(file: Path) -> bool:
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return all(isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) for n in body)


def closure(file: Path) -> set[Path]:
    """A file and all of ours that it imports, directly or not; never through the public names."""
    seen, pending = set(), [file]
    while pending:
        if (current := pending.pop()) not in seen:
            seen.add(current)
            pending += imports(current)
    return seen


@cache
def imports(file: Path) -> frozenset[Path]:
    """Our files that a file imports anywhere in it, with the packages around them."""
    names = {name for node in ast.walk(_parsed(file)) for name in _names(node, file)}
    parts = [name.split(".") for name in names if name.split(".")[0] in PLACES]
    around = {".".join(name[:n]) for name in parts for n in range(2, len(name) + 1)}
    return frozenset(path for path in map(source, around) if path)


def _names(node: ast.AST, file: Path) -> Iterator[str]:
    """Every module that an import statement may mean."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            package = file.relative_to(ROOT).parts[: -node.level]
            place = ["mentor3ad" if package[0] == "pipeline" else package[0], *package[1:]]
            module = ".".join([*place, *filter(None, [module])])
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


def source(module: str) -> Path | None:
    """The file of one of our modules."""
    top, *rest = module.split(".")
    path = PLACES[top].joinpath(*rest)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def lines(files: set[Path]) -> int:
    """Lines of all the files together."""
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def main() -> None:
    print(f"{'stage':<12} {'listed':>7} {'imported':>9} {'too much':>9}")
    for name, stage in load_dag(ROOT / DAG_FILE).items():
        given, needed = listed(stage), imported(stage)
        rest = lines({f for f in given - needed if not changes_no_result(f)})
        share = f"{rest / lines(needed):.1%}"
        print(f"{name:<12} {lines(given):>7} {lines(needed):>9} {share:>9}")


if __name__ == "__main__":
    main()
