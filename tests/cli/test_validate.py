"""`mentor3ad validate`: what it reads, what it prints and its exit code."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from mentor3ad.cli.main import app
from mentor3ad.plumbing.errors import ConfigError
from testbed.clone import set_params
from tests.paths import ROOT
from tests.raw_data_sets import LAYOUTS, write_mask, write_pair
from tests.raw_scans import write_data_set

SHIPPED = (ROOT / "params.yaml").read_text()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set and, in the current folder, params.yaml for its one category."""
    root = write_data_set(tmp_path / "raw")
    content = YAML().load(SHIPPED)
    set_params(content, {"data.root": str(root), "data.categories": ["disc"]})
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(content, file)
    monkeypatch.chdir(tmp_path)
    return root


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["validate", *arguments], catch_exceptions=False)


def test_a_sound_data_set_is_exit_code_0() -> None:
    done = validate()
    assert (done.exit_code, done.stderr) == (0, "")  # no progress bar off a terminal
    assert done.stdout.splitlines()[0] == "disc: train 2 good; test 1 good, 1 bump"
    assert done.stdout.splitlines()[-1] == "0 errors, 0 warnings"


def test_errors_are_exit_code_2_and_all_are_told(root: Path) -> None:
    (root / "disc/train/good/rgb/000.png").write_bytes(b"")
    (root / "disc/test/good/xyz/000.tiff").unlink()
    done = validate()
    assert done.exit_code == 2
    assert "  error: missing_pair (1)" in done.stdout
    assert "  error: unreadable (1)" in done.stdout


def test_warnings_count_under_strict(root: Path) -> None:
    write_mask(root / "disc/test/bump/gt/000.png", False, (100, 90))
    assert (validate().exit_code, validate("--strict").exit_code) == (0, 2)


def test_json_goes_to_the_output_alone_or_to_a_file(tmp_path: Path) -> None:
    printed = validate("--json", "-").stdout
    told = validate("--json", "report.json").stdout
    assert json.loads(printed)["categories"][0]["category"] == "disc"
    assert (tmp_path / "report.json").read_text() == printed
    assert told == validate().stdout


def test_examples_are_the_first_of_each_kind(root: Path) -> None:
    for path in (root / "disc/train/good/rgb").iterdir():
        path.write_bytes(b"")
    assert "and 1 more" in validate("--examples", "1").stdout
    assert "000.png" not in validate("--examples", "0").stdout


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_options_take_the_place_of_params(name: str, tmp_path: Path) -> None:
    write, category, layout = LAYOUTS[name]
    other = write(tmp_path / "other")
    options = ["--root", str(other), "--layout", name]
    if layout.test_private:
        options.append("--test-private")
    [found] = json.loads(validate(*options, "--json", "-").stdout)["categories"]
    assert found["category"] == category
    assert sum(found["scans"]["test"].values()) == {"eyecandies": 4}.get(name, 2)


def test_units_of_a_plant_that_look_wrong(tmp_path: Path) -> None:
    for i in range(2):
        write_pair(tmp_path / "plant/part/train", str(i), seed=i)
    options = ["--root", str(tmp_path / "plant"), "--layout", "folder"]
    assert validate(*options, "--units", "m").exit_code == 0
    done = validate(*options, "--units", "mm")
    assert done.exit_code == 2
    assert "  error: units (2)" in done.stdout
    assert "read as mm: the units look wrong" in done.stdout


def test_a_category_that_is_not_there_is_an_error_in_the_report() -> None:
    done = validate("--categories", "disc,ring")
    assert done.exit_code == 2
    assert "ring: no scans" in done.stdout
    assert "'ring' is not a category" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--root", "gone"], "--root gone cannot be listed (No such file"),
        (["--root", "raw/disc/test/good/rgb"], "holds no folders"),
        (["--light", "9"], "--light 9: Input should be less than or equal to 5"),
        (["--camera", "../c.json"], "must be a path inside"),
        (["--categories", "a/b"], "--categories a/b: "),
    ],
)
def test_what_cannot_run_is_one_sentence(arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(*arguments)
    assert said in str(caught.value)


def test_scans_in_a_bucket_are_not_read(root: Path, tmp_path: Path) -> None:
    """Unless a folder of them is named."""
    content = YAML().load(SHIPPED)
    place = {"data.root": "data/inventory", "data.bucket": "s3://plant", "data.in_bucket": ["disc"]}
    set_params(content, place | {"data.categories": ["disc"]})
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(content, file)
    with pytest.raises(ConfigError, match=r"data.in_bucket names disc: .* name their folder with"):
        validate()
    with pytest.raises(ConfigError, match="--root s3://plant: this command reads folders"):
        validate("--root", "s3://plant", "--categories", "disc")
    assert validate("--root", str(root)).exit_code == 0


def test_nothing_is_written_but_the_document(tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    validate("--json", "report.json")
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {tmp_path / "report.json"}
    assert before.items() <= after.items()


def test_a_relative_root_is_said_to_be_hidden_from_experiments(root: Path, tmp_path: Path) -> None:
    assert validate().stderr == ""
    path = tmp_path / "params.yaml"
    path.write_text(re.sub(rf"root:\s+{re.escape(str(root))}", "root: raw", path.read_text()))
    done = validate()
    assert done.exit_code == 0
    assert "data.root = raw is relative: experiments of `dvc exp run --queue`" in done.stderr
    (tmp_path / "scans").symlink_to(root)
    path.write_text(path.read_text().replace("root: raw", "root: scans"))
    assert "is relative" not in validate().stderr
