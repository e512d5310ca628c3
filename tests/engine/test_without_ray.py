"""Who computes on one machine neither imports Ray nor needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from mentor3ad.engine.hired import hired
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.errors import ClusterError
from tests.engine.works import Squares
from tests.paths import ROOT

EVERYTHING = """
import sys
import mentor3ad.cli.main
from stages import evaluate, extract, prepare, report, score, train_mfm, train_mgm, vote
print([name for name in ("ray", "grpc", "pyarrow") if name in sys.modules])
"""


def test_the_stages_and_the_commands_import_nothing_of_it() -> None:
    command = [sys.executable, "-c", EVERYTHING]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_missing_extra_is_one_sentence(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ClusterError, match=r"pip install 'mentor3ad\[cluster\]'"),
        hired(Squares(tmp_path), params.runtime, gpu=False),
    ):
        pass
