"""dvc.yaml against the code: DVC sees neither imports nor which params a stage reads."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import rooms
from mentor3ad.params.dag import DAG_FILE, ParamKeys, load_dag
from mentor3ad.params.presets.overlay import load_yaml
from mentor3ad.params.schema import PARAMS_FILE, read_text
from tests.paths import ROOT

# Params that no stage lists:
UNLISTED = {
    "runtime": "where and how fast, not what: a change must rerun nothing",
    "data.root": "a template in the stages' deps, whose content DVC hashes",
    "data.in_bucket": "the matrix of inventory: one stage each",
    "demo.categories": "the matrix of generate: one stage each",
    "data.categories": "the matrix of most stages",
}


# Sections that a stage hands on whole, and so lists whole: a param more in one is listed already.
WHOLE = {
    "prepare": {"data.foreground"},
    "extract": {"features"},
    "train_mfm": {"model.early_stop", "model.whitening", "model.mfm"},
    "train_mgm": {"model.early_stop", "model.mgm", "model.memory"},
    "vote": {"voting"},
    "evaluate": {"evaluate"},
    "rivals": {"rivals"},
    "report": {
        "demo",
        "data",
        "features",
        "model",
        "voting",
        "evaluate",
        "rivals",
    },  # it shows every setting
}

DAG = load_dag(ROOT / DAG_FILE)
PARAMS = load_yaml(read_text(ROOT / PARAMS_FILE), PARAMS_FILE)
STAGES = sorted(DAG)


def leaves(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


LEAVES = set(leaves(PARAMS))


# Code


@pytest.mark.parametrize("stage", STAGES)
def test_deps_cover_what_the_script_imports(stage: str) -> None:
    missing = rooms.imported(DAG[stage]) - rooms.listed(DAG[stage])
    assert sorted(str(f.relative_to(ROOT)) for f in missing) == []


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_at_most_a_tenth_more_than_the_script_imports(stage: str) -> None:
    """What nothing imports reruns the stage for nothing; whole rooms bring a little of it."""
    needed = rooms.imported(DAG[stage])
    rest = {f for f in rooms.listed(DAG[stage]) - needed if not rooms.changes_no_result(f)}
    assert rooms.lines(rest) <= rooms.lines(needed) / 10


@pytest.mark.parametrize(("stage", "most"), [("train_mfm", 4300), ("score", 4300), ("vote", 3300)])
def test_little_code_stands_behind_the_stages_that_experiments_run(stage: str, most: int) -> None:
    assert rooms.lines(rooms.listed(DAG[stage])) <= most


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_whole_rooms_and_the_script(stage: str) -> None:
    code = [ROOT / dep for dep in rooms.code_deps(DAG[stage])]
    files = [path for path in code if not path.is_dir()]
    assert [path for path in code if path.is_dir() and path.parent != ROOT / "pipeline"] == []
    assert set(files) - {ROOT / "pipeline/plumbing/version.py"} == {rooms.script(DAG[stage])}


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_exist(stage: str) -> None:
    assert [dep for dep in rooms.code_deps(DAG[stage]) if not (ROOT / dep).exists()] == []


def test_code_without_results_exists() -> None:
    assert [name for name in rooms.NO_RESULT if not (ROOT / name).exists()] == []


def test_every_stage_script_is_a_stage() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "runner"}
    assert scripts == set(STAGES)
    assert {rooms.script(DAG[stage]).stem for stage in STAGES} == set(STAGES)


def test_the_walk_sees_lazy_and_nested_imports(tmp_path: Path) -> None:
    file = tmp_path / "lazy.py"
    file.write_text("def f():\n    from mentor3ad import fusion\n    import mentor3ad.cache.maps\n")
    names = {path.relative_to(ROOT).as_posix() for path in rooms.imports(file)}
    packages = {"pipeline/fusion/__init__.py", "pipeline/cache/__init__.py"}
    assert names == packages | {"pipeline/cache/maps.py"}


# Params


@pytest.mark.parametrize("stage", STAGES)
def test_listed_params_are_leaves_or_sections_that_the_stage_reads_whole(stage: str) -> None:
    """DVC hashes all of a section, and so would rerun the stage for what it does not read."""
    known = LEAVES | WHOLE.get(stage, set())
    assert [key for key in DAG[stage].params if key not in known] == []


def test_a_section_is_listed_whole_or_by_its_leaves() -> None:
    """Else a param would be listed twice."""
    twice = {
        (name, key)
        for name, stage in DAG.items()
        for key in stage.params
        if key in ParamKeys(frozenset(stage.params) - {key})
    }
    assert twice == set()


def test_the_report_lists_every_section_but_runtime() -> None:
    assert set(DAG["report"].params) == set(PARAMS) - {"runtime"}


def test_runtime_is_listed_nowhere() -> None:
    listed = {key for stage in STAGES for key in DAG[stage].params}
    assert [key for key in listed if key.split(".")[0] == "runtime"] == []


def test_every_other_param_is_listed_by_a_stage() -> None:
    stages = set(STAGES) - {"report"}  # which shows every setting and reads none
    listed = ParamKeys(frozenset(key for stage in stages for key in DAG[stage].params))
    exempt = ParamKeys(frozenset(UNLISTED))
    assert sorted(key for key in LEAVES if key not in listed and key not in exempt) == []


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
    reads.visit(ast.parse(rooms.script(DAG[stage]).read_text(encoding="utf-8")))
    exempt = {key for key in LEAVES if key.startswith("runtime.") or key == "data.root"}
    listed = ParamKeys(frozenset(DAG[stage].params))
    assert sorted(k for k in reads.chains & LEAVES - exempt if k not in listed) == []


# Outputs


@pytest.mark.parametrize("stage", STAGES)
def test_no_option_switches_the_run_cache_off(stage: str) -> None:
    """`persist` and `cache: false` do (docs/decisions); a metric may be left to git."""
    options = DAG[stage].outs.values()
    assert [o for o in options if o.get("persist") or o.get("cache") is False] == []
    assert "always_changed" not in DAG[stage].settings


def test_the_only_metric_is_the_reports() -> None:
    """A second one would show every value twice."""
    assert {s: list(DAG[s].metrics) for s in STAGES if DAG[s].metrics} == {
        "report": ["reports/metrics.json"]
    }


def test_an_uncached_metric_is_gits_to_keep() -> None:
    """Ignored by git and not in DVC's cache, no revision but the workspace has it: `dvc exp show`
    and `dvc metrics diff` have nothing to compare."""
    import subprocess

    metrics = DAG["report"].metrics.items()
    uncached = [name for name, options in metrics if options.get("cache") is False]
    ignored = [
        name
        for name in uncached
        if subprocess.run(["git", "check-ignore", "--no-index", "-q", name], cwd=ROOT).returncode
        == 0
    ]
    assert ignored == []


@pytest.mark.parametrize("stage", STAGES)
def test_an_out_belongs_to_one_category(stage: str) -> None:
    if "matrix" not in DAG[stage].settings:
        return
    assert [out for out in DAG[stage].outs if "${item.category}" not in out] == []


def test_the_command_names_the_matrix_category() -> None:
    """As ${item}, which DVC turns into `--category NAME` with the name quoted for the shell."""
    for name, stage in DAG.items():
        if "matrix" in stage.settings:
            assert stage.cmd == f"exec python -m stages.{name} ${{item}}"


@pytest.mark.parametrize("key", ["rgb.model", "rgb.layers", "rgb.size", "points.model"])
def test_a_changed_backbone_extracts_again_and_reruns_nothing_else(key: str) -> None:
    """Later stages run again since their features are others; the report shows every param."""
    readers = {name for name, stage in DAG.items() if reads(stage.params, f"features.{key}")}
    assert readers == {"extract", "report"}


def reads(params: Sequence[str], key: str) -> bool:
    return any(key == param or key.startswith(f"{param}.") for param in params)
