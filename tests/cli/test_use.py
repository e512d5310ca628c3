"""`mentor3ad use`: what it prints, and that a mistake leaves params.yaml alone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import ConfigError
from tests.paths import ROOT

SHIPPED = (ROOT / "params.yaml").read_bytes()


@pytest.fixture(autouse=True)
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped params.yaml in the current folder."""
    path = tmp_path / "params.yaml"
    path.write_bytes(SHIPPED)
    monkeypatch.chdir(tmp_path)
    return path


def use(*arguments: str) -> list[str]:
    """The lines that `mentor3ad use` prints."""
    done = CliRunner().invoke(app, ["use", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("   ") if cell.strip()]


def test_alone_it_lists_the_presets(params: Path) -> None:
    names = [line.split()[0] for line in use()[2:]]
    assert names == ["demo", "adam3d", "eyecandies", "folder", "light", "mvtec3d", "real_iad_d3"]
    assert params.read_bytes() == SHIPPED


def test_it_tells_each_key_with_its_value_before_and_after() -> None:
    rows = {key: values for key, *values in map(cells, use("mvtec3d")) if values}
    assert rows["features.points.groups"] == ["512", "1024"]
    assert rows["demo.categories"] == ["[biscuit, clutch, nectarine]", "[]"]
    assert "features.layout" not in rows  # set by no preset


def test_it_says_when_nothing_changed(params: Path) -> None:
    assert use("demo") == ["params.yaml: nothing changed, it has the settings of demo"]
    assert params.read_bytes() == SHIPPED


def test_categories_are_separated_by_commas(params: Path) -> None:
    use("mvtec3d", "--categories", "bagel, tire,")
    assert load_params(params).data.categories == ["bagel", "tire"]


def test_a_list_on_several_lines_is_shown_on_one() -> None:
    rows = list(map(cells, use("mvtec3d", "--categories", "bagel")))
    assert ["data.categories", "[biscuit, clutch, nectarine]", '["bagel"]'] in rows


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mvtec"], "no preset 'mvtec'; the known ones are demo, adam3d, eyecandies, folder"),
        (["../demo"], "no preset '../demo'"),
        (["folder"], "folder needs --root"),
        (["demo", "--root", "."], "demo generates its own data"),
        (["mvtec3d", "--root", "gone"], "--root gone cannot be listed (No such file"),
        (["mvtec3d", "--root", "s3://plant/a"], "--root s3://plant/a: this command reads folders"),
        (["mvtec3d", "--categories", "a/b"], "params.yaml: data.categories.0 = 'a/b'"),
        (["--root", "."], "--root and --categories need a preset"),
    ],
)
def test_a_mistake_changes_nothing(params: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(app, ["use", *arguments], catch_exceptions=False)
    assert said in str(caught.value)
    assert params.read_bytes() == SHIPPED
    assert [path.name for path in params.parent.iterdir()] == ["params.yaml"]
