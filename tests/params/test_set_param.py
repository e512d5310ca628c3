"""params.yaml as `dvc exp run -S` writes it: what is set changes its own lines alone."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path

import pytest

from mentor3ad.params.presets.choose import PRESETS, use_preset
from mentor3ad.params.schema import load_params
from tests.paths import ROOT

SET = """
import sys
from pathlib import Path
from dvc.utils.hydra import apply_overrides
apply_overrides(Path(sys.argv[1]), sys.argv[2:])
"""


def changed_lines(before: str, after: str) -> list[str]:
    return [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "-+"]


def set_params(file: Path, *values: str) -> list[str]:
    """The lines that go and come when values are set as DVC sets them (hydra, in its process)."""
    before = file.read_text(encoding="utf-8")
    subprocess.run([sys.executable, "-c", SET, str(file), *values], check=True)
    return changed_lines(before, file.read_text(encoding="utf-8"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path / "params.yaml"


def test_two_values_are_two_lines_with_their_comments(file: Path) -> None:
    changed = set_params(file, "model.lr=1e-4", "voting.rule=paper")
    names = [f"{line[0]} {line.split()[1]}" for line in changed]
    assert names == ["- lr:", "+ lr:", "- rule:", "+ rule:"]
    assert all("#" in line for line in changed)
    params = load_params(file)
    assert (params.model.lr, params.voting.rule) == (1e-4, "paper")


def test_a_list_and_null_are_their_own_lines(file: Path) -> None:
    changed = set_params(file, "voting.maps=[xyz]", "model.whitening.components=null")
    assert sorted(line.split("#")[0].strip() for line in changed) == [
        "+     components:",
        "-     components: 128",
        "-   - mtr",
        "-   - rgb",
    ]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """DVC folds a path with spaces that is longer than its line, which a test's own may be."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("name", PRESETS[1:])
def test_a_preset_leaves_the_file_in_that_form(file: Path, name: str, short_folder: Path) -> None:
    root = short_folder / "my scans"
    (root / "part of #1").mkdir(parents=True)
    (root / "nut").mkdir()
    use_preset(name, root if name == "folder" else None, ["nut"] * (name == "folder"), file)
    changed = set_params(file, "model.seed=7")
    assert [line.split()[1] for line in changed] == ["seed:", "seed:"]
