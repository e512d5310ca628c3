"""params.yaml: every key read, nothing else accepted, and one line that says what is wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from mentor3ad.params.schema import Params, load_params
from mentor3ad.plumbing.errors import ConfigError
from tests.paths import ROOT

SHIPPED = ROOT / "params.yaml"


def leaves(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def model_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from model_keys(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def shipped() -> Any:
    return YAML().load(SHIPPED.read_text(encoding="utf-8"))


def section(content: Any, key: str) -> tuple[Any, str]:
    *parents, last = key.split(".")
    for parent in parents:
        content = content[parent]
    return content, last


def changed(tmp_path: Path, key: str, value: Any) -> Path:
    """The shipped file with one key set."""
    content = shipped()
    place, last = section(content, key)
    place[last] = value
    path = tmp_path / "params.yaml"
    YAML().dump(content, path)
    return path


SHIPPED_RATE = load_params(SHIPPED).model.lr


def with_text(tmp_path: Path, old: str, new: str) -> Path:
    """The shipped file with one piece of text replaced."""
    text = SHIPPED.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def parts(value: Any) -> Iterator[Any]:
    """A value and what lists in it hold."""
    yield value
    for part in value if isinstance(value, list) else ():
        yield from parts(part)


def message(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_params(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The shipped file

SHIPPED_LEAVES = dict(leaves(shipped()))


def test_the_shipped_file_and_the_model_have_the_same_keys() -> None:
    assert sorted(SHIPPED_LEAVES) == sorted(model_keys(Params))


@pytest.mark.parametrize("key", sorted(SHIPPED_LEAVES))
def test_every_key_is_read(key: str) -> None:
    value: Any = load_params(SHIPPED)
    for part in key.split("."):
        value = getattr(value, part)
    assert value == SHIPPED_LEAVES[key]


def test_nearly_every_key_has_a_comment() -> None:
    """Without one: what its section's comment or its own name says in full."""
    bare = []
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        code, _, comment = line.partition("#")
        name, colon, value = code.strip().partition(":")
        if colon and value.strip() and not comment.strip():
            bare.append(name)
    assert sorted(bare) == ["categories", "categories", "seed", "steps", "steps"]


def test_params_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_params(SHIPPED).model.lr = 1.0


# Numbers as experiments write them


@pytest.mark.parametrize("text", ["1e-05", "1e-5", "1.0e-05", "0.00001", ".00001"])
def test_a_small_rate_is_a_number(tmp_path: Path, text: str) -> None:
    """`-S model.lr=1e-5` writes 1e-05, which YAML 1.1 reads as text."""
    path = with_text(tmp_path, f"  lr: {SHIPPED_RATE} ", f"  lr: {text} ")
    assert load_params(path).model.lr == 1e-5


def test_an_integer_is_a_number(tmp_path: Path) -> None:
    assert load_params(changed(tmp_path, "model.lr", 1)).model.lr == 1.0


@pytest.mark.parametrize("text", ["null", "~", ""])
def test_a_width_may_be_left_open(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    shipped_text = SHIPPED.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(hidden:) \d+", rf"\1 {text}", shipped_text), encoding="utf-8")
    assert load_params(path).model.mfm.hidden is None


# What is refused


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("demo.size", 63),
        ("demo.size", 96.5),
        ("demo.train", 0),
        ("demo.validation", -1),
        ("demo.categories", ["../etc"]),
        ("demo.categories", ["biscuit", "biscuit"]),
        ("data.categories", []),
        ("data.categories", ["rope", "rope"]),
        ("data.categories", ["a/b"]),
        ("data.categories", [".."]),
        ("data.categories", "rope"),
        ("data.light", 6),
        ("data.light", -1),
        ("data.test_private", "no"),
        ("data.units", "cm"),
        ("data.units", None),
        ("data.camera", ""),
        ("data.camera", "/etc/camera.json"),
        ("data.camera", "../camera.json"),
        ("data.test_share", 0),
        ("data.test_share", 1.0),
        ("data.plane_removal", "yes"),
        ("data.plane_removal", 1),
        ("data.foreground.border_px", 0),
        ("data.foreground.inlier_m", 0),
        ("data.foreground.removal_m", float("nan")),
        ("data.foreground.cluster_eps_m", "6 mm"),
        ("data.foreground.cluster_min_points", 2.5),
        ("data.foreground.piece_share", 1.1),
        ("data.foreground.piece_gap_m", -0.01),
        ("data.foreground.min_points", 0),
        ("data.shots", 0),
        ("data.shots", 2.0),
        ("data.shots_seed", -1),
        ("data.train_limit", 0),
        ("features.layout", "sparse"),
        ("features.codec", "gzip"),
        ("features.shard", 0),
        ("features.points.groups", 2),
        ("features.points.groups", 65536),
        ("features.points.normalize", "unit_cube"),
        ("features.rgb.tokens", "some"),
        ("features.rgb.weights", None),
        ("model.lr", 0),
        ("model.lr", -0.1),
        ("model.lr", "fast"),
        ("model.lr", "0.1"),
        ("model.lr", float("nan")),
        ("model.lr", float("inf")),
        ("model.seed", -1),
        ("model.precision", "float16"),
        ("model.mfm.steps", 0),
        ("model.mfm.steps", 10.0),
        ("model.mfm.temperature", 0),
        ("model.mgm.use_mentor", None),
        ("model.holdout", 1),
        ("voting.rule", "product"),
        ("voting.maps", []),
        ("voting.maps", ["depth"]),
        ("voting.maps", ["rgb", "rgb"]),
        ("voting.weights", [1, 1]),
        ("voting.weights", [1, 0, 1]),
        ("voting.levels", []),
        ("voting.levels", [[1, 1]]),
        ("voting.levels", [[0, 0, 0]]),
        ("voting.levels", [[1, 1, -1]]),
        ("voting.smoothing", [4]),
        ("voting.nu", 0),
        ("voting.nu", 1.5),
        ("voting.target_fpr", float("nan")),
        ("evaluate.limits", []),
        ("evaluate.limits", [0]),
        ("evaluate.limits", [1.5]),
        ("evaluate.panels", -1),
        ("runtime.device", "gpu"),
        ("runtime.threads", 0),
        ("runtime.memory_gb", 0),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_named(tmp_path: Path, key: str, value: Any) -> None:
    path = changed(tmp_path, key, value)
    said = message(path)
    assert said.startswith(f"{path}: {key}")
    assert any(f"{part!r}: " in said for part in parts(value))


@pytest.mark.parametrize("key", ["model.learning_rate", "extra", "features.rgb.codec"])
def test_an_unknown_key_is_named(tmp_path: Path, key: str) -> None:
    path = changed(tmp_path, key, 1)
    assert message(path) == f"{path}: {key} is not a known param; check its spelling"


@pytest.mark.parametrize("key", sorted(SHIPPED_LEAVES))
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    content = shipped()
    place, last = section(content, key)
    del place[last]
    path = tmp_path / "params.yaml"
    YAML().dump(content, path)
    assert message(path) == f"{path}: {key} is missing"


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    content = shipped()
    content["model"]["lr"], content["voting"]["nu"], content["oops"] = -1, 2, 3
    path = tmp_path / "params.yaml"
    YAML().dump(content, path)
    said = message(path)
    assert [key for key in ("model.lr = -1", "voting.nu = 2", "oops") if key not in said] == []


@pytest.mark.parametrize("text", ["", "[]", "model"])
def test_a_file_without_sections_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    assert message(path).startswith(f"{path}: ")


@pytest.mark.parametrize("text", ["model: [", "a: 1\na: 2", "\tmodel: 1", "model: \x01"])
def test_text_that_is_no_yaml_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    assert message(path).startswith(f"{path} is not valid YAML: ")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"\xff\xfe\x00model")
    assert message(path).startswith(f"{path} is not valid YAML: ")


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    assert message(path) == f"{path} is missing; run from the folder that holds it"
