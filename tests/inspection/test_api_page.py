"""docs/api.md: its examples run, one after the other, in the folder of a finished project."""

import re
import shutil
from pathlib import Path

import pytest

from testbed.paths import ROOT

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")


def test_every_example_runs(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    monkeypatch.chdir(copy)
    names: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(examples) > 5
    for example in examples:
        exec(example, names)
    said = capsys.readouterr().out
    assert "(224, 224) (3, 224, 224)" in said
    assert "(28, 28, 768)\ntorch.Size([224, 224, 1152])" in said
    assert "models/nothing is no bundle" in said
    assert (copy / "models/biscuit/bundle.json").is_file()
    assert (names["again"] == names["found"].anomaly_map).all()  # type: ignore[attr-defined]
