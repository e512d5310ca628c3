"""Presets: valid params, the same keys in all, and the way back to the shipped file."""

import itertools
import stat
from pathlib import Path

import pytest

from mentor3ad.params.presets.choose import PRESETS, description, preset_values, use_preset
from mentor3ad.params.schema import Data, load_params
from mentor3ad.plumbing.errors import ConfigError
from tests.paths import ROOT

# Keys that a preset leaves as they are, though others set them:
KEPT = {  # of the plant's sensor: no preset knows them
    "folder": {"data.units", "data.invalid", "data.bits", "data.camera"},
    # of the data set, which it goes on top of
    "light": {key for key in preset_values("demo") if key.startswith(("demo.", "data."))}
    - {"data.crop"},
}

# How scans are prepared, whichever they are:
LIMITS = ("plane_removal", "foreground", "crop_margin")

SHIPPED = (ROOT / "params.yaml").read_bytes()


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_bytes(SHIPPED)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of three categories, a hidden folder and a file."""
    for name in ("nut", "bolt", "cog", ".cache"):
        (tmp_path / "scans" / name).mkdir(parents=True)
    (tmp_path / "scans" / "readme.txt").touch()
    return tmp_path / "scans"


def use(name: str, params: Path, root: Path) -> None:
    use_preset(name, root if name == "folder" else None, params=params)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_sets_every_key_that_any_sets(name: str) -> None:
    """Else a preset would keep what another one has set."""
    assert preset_values(name).keys() == preset_values("demo").keys() - KEPT.get(name, set())


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_sets_all_that_says_which_data_is_used(name: str) -> None:
    keys = {f"data.{key}" for key in Data.model_fields} - {f"data.{key}" for key in LIMITS}
    assert keys - preset_values(name).keys() == KEPT.get(name, set()) - {"demo.categories"}


def test_light_goes_on_top_of_a_data_set(params: Path) -> None:
    use_preset("mvtec3d", params=params)
    data = load_params(params).data
    use_preset("light", params=params)
    content = load_params(params)
    assert content.data == data.model_copy(update={"crop": "part"})
    assert content.features.rgb.model == content.features.points.normals.model
    assert content.features.points.model == "normals"


def test_light_takes_a_root_of_the_layout_that_is_set(params: Path, root: Path) -> None:
    use_preset("light", root, ["nut"], params)
    content = load_params(params)
    assert (content.data.root, content.data.categories) == (str(root), ["nut"])
    assert (content.data.layout, content.demo.categories) == ("mvtec3d", [])


def test_folder_keeps_the_sensor_that_others_reset(params: Path, root: Path) -> None:
    mine = SHIPPED.replace(b"units: m ", b"units: mm ").replace(b"camera: ", b"camera: c.json ")
    params.write_bytes(mine)
    use("folder", params, root)
    data = load_params(params).data
    assert (data.units, data.camera) == ("mm", "c.json")
    use("mvtec3d", params, root)
    data = load_params(params).data
    assert (data.units, data.camera) == ("m", None)


def test_eyecandies_trains_on_as_many_scans_as_the_paper(params: Path, root: Path) -> None:
    limits = {}
    for name in PRESETS:
        use(name, params, root)
        limits[name] = load_params(params).data.train_limit
    assert limits == dict.fromkeys(PRESETS, None) | {"eyecandies": 350}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_one_line_of_description(name: str) -> None:
    assert 20 < len(description(name)) < 100


def test_the_shipped_file_is_the_demo(params: Path) -> None:
    assert use_preset("demo", params=params) == []


@pytest.mark.parametrize("names", list(itertools.permutations(PRESETS[1:], 3)), ids="-".join)
def test_back_to_the_demo_is_back_to_the_byte(params: Path, root: Path, names: list[str]) -> None:
    for name in names:
        use(name, params, root)
        assert params.read_bytes() != SHIPPED
    use_preset("demo", params=params)
    assert params.read_bytes() == SHIPPED


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_used_again(params: Path, root: Path, name: str) -> None:
    use(name, params, root)
    before = params.read_bytes()
    use(name, params, root)
    assert params.read_bytes() == before


@pytest.mark.parametrize("name", ["mvtec3d", "eyecandies"])
def test_the_papers_settings(params: Path, name: str) -> None:
    use_preset(name, params=params)
    content = load_params(params)
    points, model = content.features.points, content.model
    assert (points.groups, points.group_size, points.normalize) == (1024, 32, "none")
    assert (content.features.rgb.weights, points.weights) == ("pretrained", "pretrained")
    assert (model.whitening.components, model.mfm.dim, model.mfm.hidden) == (None, 256, None)
    assert (content.voting.rule, content.demo.categories) == ("paper", [])
    assert len(content.data.categories) == 10


def test_a_key_of_no_preset_is_kept(params: Path) -> None:
    params.write_bytes(SHIPPED.replace(b"temperature: 0.07", b"temperature: 0.1"))
    use_preset("mvtec3d", params=params)
    assert load_params(params).model.mfm.temperature == 0.1


def test_folder_takes_every_folder_of_the_root(params: Path, root: Path) -> None:
    use_preset("folder", root, params=params)
    data = load_params(params).data
    assert (data.root, data.categories) == (str(root), ["bolt", "cog", "nut"])


def test_a_relative_root_becomes_absolute(
    params: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A temporary experiment of DVC's runs in another folder."""
    monkeypatch.chdir(root.parent)
    use_preset("folder", Path("scans"), ["nut"], params)
    assert load_params(params).data.root == str(root)


@pytest.mark.parametrize("name", ["with space", "ünï", "a: b # c", "'q\"", "-", "true"])
def test_any_name_of_a_root_arrives(params: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name / "nut").mkdir(parents=True)
    use_preset("folder", tmp_path / name, params=params)
    assert load_params(params).data.root == str(tmp_path / name)


@pytest.mark.parametrize("name", ["true", "12", "1e5", "null"])
def test_a_category_that_yaml_reads_otherwise_stays_a_name(
    params: Path, root: Path, name: str
) -> None:
    (root / name).mkdir()
    use_preset("folder", root, [name], params)
    assert load_params(params).data.categories == [name]


def test_missing_categories_are_named_with_those_there(params: Path, root: Path) -> None:
    wanted = r"no folder for tyre; .* --categories bolt,cog,nut"
    with pytest.raises(ConfigError, match=wanted):
        use_preset("mvtec3d", root, ["nut", "tyre"], params)


def test_a_root_that_is_a_category_is_told_apart(params: Path, root: Path) -> None:
    (root / "train").mkdir()
    with pytest.raises(ConfigError, match=r"holds a train folder.* give the folder above it"):
        use_preset("folder", root, params=params)


def test_an_empty_root_is_named(params: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="empty holds no folders"):
        use_preset("folder", tmp_path / "empty", params=params)


def test_an_invalid_result_leaves_the_file_alone(params: Path) -> None:
    broken = SHIPPED.replace(b"nu: 0.5", b"nu: 7")
    params.write_bytes(broken)
    with pytest.raises(ConfigError, match=r"params\.yaml: voting\.nu = 7"):
        use_preset("mvtec3d", params=params)
    assert params.read_bytes() == broken


def test_a_broken_value_that_the_preset_sets_is_mended(params: Path) -> None:
    params.write_bytes(SHIPPED.replace(b"rule: calibrated", b"rule: calibrate"))
    use_preset("demo", params=params)
    assert params.read_bytes() == SHIPPED


def test_mode_and_link_of_the_file_are_kept(params: Path, tmp_path: Path) -> None:
    params.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(params)
    use_preset("mvtec3d", params=link)
    assert link.is_symlink()
    assert stat.S_IMODE(params.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "params.yaml"]
