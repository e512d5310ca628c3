"""dvc.yaml against the code: DVC sees neither imports nor which params a stage reads."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]

# Modules that no stage lists, because no change in them can change a stage's results:
PLUMBING = {
    "pipeline.__init__": "the version, which the report alone shows and lists",
    "pipeline.errors": "names of errors; a stage that raises one has no results",
    "pipeline.config": "checks the params; their values are listed one by one in dvc.yaml",
    "pipeline.progress": "progress bars",
    "pipeline.processes": "how a process ends",
    "pipeline.project": "the paths of outs, which dvc.yaml names itself",
    "pipeline.logs": "log lines",
    "pipeline.files": "writes files and folders whole; what is in them is their callers'",
    "pipeline.words": "plural forms in sentences",
    "stages.runner": "the command line of a stage",
}
# Neither can a package's __init__.py that holds nothing but its docstring.
# pipeline.device is none of them: it decides on bfloat16 and on deterministic algorithms.

# Params that no stage lists:
UNLISTED = {
    "runtime": "where and how fast, not what: a change must rerun nothing",
    "data.root": "a template in the stages' deps, whose content DVC hashes",
    "demo.categories": "the matrix of generate: one stage each",
    "data.categories": "the matrix of most stages",
}


def load(name: str) -> Any:
    return YAML(typ="safe", pure=True).load((ROOT / name).read_text(encoding="utf-8"))


DAG, PARAMS = load("dvc.yaml"), load("params.yaml")
STAGES = sorted(DAG["stages"])


def leaves(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


LEAVES = set(leaves(PARAMS))


def strings(stage: str, what: str) -> list[str]:
    """Entries of a stage's deps, params or outs without their options."""
    entries = DAG["stages"][stage].get(what, [])
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


# Code


def source(module: str) -> Path | None:
    """The file of one of our modules."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


@cache
def imports(file: Path) -> frozenset[Path]:
    """Our files that a file imports anywhere in it, with the packages around them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports are not followed"
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = [name.split(".") for name in found if name.split(".")[0] in ("pipeline", "stages")]
    names = {".".join(parts[:n]) for parts in ours for n in range(1, len(parts) + 1)}
    return frozenset(path for path in map(source, names) if path)


def inert(file: Path) -> bool:
    """Whether no change in a file can change results."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    docstring = all(isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) for n in body)
    return name_of(file) in PLUMBING or (file.name == "__init__.py" and docstring)


def closure(file: Path) -> set[Path]:
    seen, pending = set(), [file]
    while pending:
        if (current := pending.pop()) not in seen:
            seen.add(current)
            pending += imports(current)
    return seen


def script(stage: str) -> Path:
    found = re.match(r"exec python -m stages\.(\w+)", DAG["stages"][stage]["cmd"])
    assert found
    return ROOT / "stages" / f"{found[1]}.py"


def covered(file: Path, deps: list[str]) -> bool:
    return any(file == ROOT / dep or (ROOT / dep) in file.parents for dep in deps)


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_what_the_script_imports(stage: str) -> None:
    needed = {f for f in closure(script(stage)) if not inert(f)}
    missing = {f for f in needed if not covered(f, strings(stage, "deps"))}
    assert sorted(str(f.relative_to(ROOT)) for f in missing) == []


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_are_imported(stage: str) -> None:
    """A dep that nothing imports reruns the stage for nothing."""
    code = [d for d in strings(stage, "deps") if d.startswith(("pipeline/", "stages/"))]
    used = closure(script(stage))
    used |= {file.with_suffix(".yaml") for file in used}  # the data of the module of its name
    assert [d for d in code if not any(covered(file, [d]) for file in used)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_exist(stage: str) -> None:
    code = [d for d in strings(stage, "deps") if d.startswith(("pipeline", "stages"))]
    assert [d for d in code if not (ROOT / d).exists()] == []


def test_plumbing_exists() -> None:
    assert [name for name in PLUMBING if source(name.removesuffix(".__init__")) is None] == []


def test_every_stage_script_is_a_stage() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "runner"}
    assert scripts == set(STAGES)
    assert {script(stage).stem for stage in STAGES} == set(STAGES)


def test_the_walk_sees_lazy_and_nested_imports(tmp_path: Path) -> None:
    file = tmp_path / "lazy.py"
    file.write_text("def f():\n    from pipeline import fusion\n    import pipeline.cache.maps\n")
    names = {name_of(path) for path in imports(file)}
    packages = {"pipeline.__init__", "pipeline.cache.__init__"}
    assert names == packages | {"pipeline.fusion", "pipeline.cache.maps"}


# Params


@pytest.mark.parametrize("stage", STAGES)
def test_listed_params_are_leaves_of_the_file(stage: str) -> None:
    """Of a whole section DVC would hash all, and rerun the stage for what it does not read."""
    known = LEAVES if stage != "report" else set(PARAMS)  # its page shows every setting
    assert [key for key in strings(stage, "params") if key not in known] == []


def test_the_report_lists_every_section_but_runtime() -> None:
    assert set(strings("report", "params")) == set(PARAMS) - {"runtime"}


def test_runtime_is_listed_nowhere() -> None:
    listed = {key for stage in STAGES for key in strings(stage, "params")}
    assert [key for key in listed if key.split(".")[0] == "runtime"] == []


def test_every_other_param_is_listed_by_a_stage() -> None:
    listed = {key for stage in STAGES for key in strings(stage, "params")}
    exempt = {key for key in LEAVES if any(key == u or key.startswith(f"{u}.") for u in UNLISTED)}
    assert sorted(LEAVES - exempt - listed) == []


class _Reads(ast.NodeVisitor):
    """Dotted attribute chains of names that stand for params."""

    def __init__(self) -> None:
        self.chains: set[str] = set()

    def visit_Attribute(self, node: ast.Attribute) -> None:
        parts, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in ("params", "model"):
            prefix = ["model"] if inner.id == "model" else []
            self.chains.add(".".join(prefix + parts[::-1]))
        self.generic_visit(node)


@pytest.mark.parametrize("stage", STAGES)
def test_params_that_a_script_reads_itself_are_listed(stage: str) -> None:
    reads = _Reads()
    reads.visit(ast.parse(script(stage).read_text(encoding="utf-8")))
    exempt = {key for key in LEAVES if key.startswith("runtime.") or key == "data.root"}
    listed = strings(stage, "params")
    covering = {k for k in LEAVES if any(k == one or k.startswith(f"{one}.") for one in listed)}
    assert sorted((reads.chains & LEAVES) - exempt - covering) == []


# Outputs


@pytest.mark.parametrize("stage", STAGES)
def test_no_option_switches_the_run_cache_off(stage: str) -> None:
    """`persist` and `cache: false` do (docs/decisions); a metric may be left to git."""
    entries = [e for e in DAG["stages"][stage].get("outs", []) if isinstance(e, dict)]
    options = [options for entry in entries for options in entry.values()]
    assert [o for o in options if o.get("persist") or o.get("cache") is False] == []
    assert "always_changed" not in DAG["stages"][stage]


def test_the_only_metric_is_the_reports() -> None:
    """A second one would show every value twice."""
    assert {s: strings(s, "metrics") for s in STAGES if strings(s, "metrics")} == {
        "report": ["reports/metrics.json"]
    }


def test_an_uncached_metric_is_gits_to_keep() -> None:
    """Ignored by git and not in DVC's cache, no revision but the workspace has it: `dvc exp show`
    and `dvc metrics diff` have nothing to compare."""
    import subprocess

    uncached = [
        name
        for entry in DAG["stages"]["report"]["metrics"]
        if isinstance(entry, dict)
        for name, options in entry.items()
        if options.get("cache") is False
    ]
    ignored = [
        name
        for name in uncached
        if subprocess.run(["git", "check-ignore", "--no-index", "-q", name], cwd=ROOT).returncode
        == 0
    ]
    assert ignored == []


@pytest.mark.parametrize("stage", STAGES)
def test_an_out_belongs_to_one_category(stage: str) -> None:
    if "matrix" not in DAG["stages"][stage]:
        return
    assert [out for out in strings(stage, "outs") if "${item.category}" not in out] == []


def test_the_command_names_the_matrix_category() -> None:
    for name, stage in DAG["stages"].items():
        if "matrix" in stage:
            assert stage["cmd"] == f"exec python -m stages.{name} --category ${{item.category}}"
