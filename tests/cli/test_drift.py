"""`mentor3ad drift` from its command line: the exit code, JSON, and which recipes."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.drift.limits import SLOT_S
from mentor3ad.drift.reference import Known, Reference
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.serving.answers import ScanResult
from mentor3ad.serving.history import History

LIGHT = {"dark": 6.0, "sound": 7.0}  # log2 of what each recipe's scans show


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Fifty scans of a recipe whose lamp has faded, and of one that is sound."""
    made = History(tmp_path / "history")
    known = Known(tuple(np.linspace(6.9, 7.1, 30).tolist()), 30, 0.01, False)
    made.set_reference("version", Reference({"brightness": known}))
    for n in range(100):
        recipe = list(LIGHT)[n % 2]
        result = ScanResult(
            **{"seq": 0, "id": str(n), "recipe": recipe, "category": "a", "bundle": "version"},
            **{"name": "n", "source": "upload", "time": n // 2 * SLOT_S, "status": "good"},
        )
        made.add(result, "digest", made.incoming(), {"brightness": LIGHT[recipe]})
    made.close()
    return tmp_path / "history"


def test_it_ends_with_a_code_of_its_own_where_a_chart_has_drifted(history: Path) -> None:
    ended = CliRunner().invoke(app, ["drift", str(history)])
    assert ended.exit_code == 7
    assert "dark, version version: DRIFT" in ended.stdout
    assert "sound, version version: no drift" in ended.stdout


def test_a_recipe_may_be_asked_for_alone_and_as_json(history: Path) -> None:
    arguments = ["drift", str(history), "--recipe", "sound", "--json"]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0
    found = json.loads(ended.stdout)
    assert (found["recipe"], found["drift"]) == ("sound", False)
    assert [(one["name"], one["points"]) for one in found["charts"]] == [("brightness", 49)]


def test_a_recipe_that_the_history_does_not_have_is_a_sentence(history: Path) -> None:
    arguments = ["drift", str(history), "--recipe", "none"]
    with pytest.raises(ConfigError, match="has no inspected scan"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
