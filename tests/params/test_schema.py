"""params.yaml: every key read, nothing else accepted, and one line that says what is wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from mentor3ad.params.schema import Params, load_params, validate_params
from mentor3ad.plumbing.errors import ConfigError
from tests.paths import ROOT

SHIPPED = ROOT / "params.yaml"
NAN = float("nan")


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
    return YAML(typ="safe", pure=True).load(SHIPPED.read_text(encoding="utf-8"))


def place(content: Any, key: str) -> tuple[Any, str]:
    """The section that holds a key, and the key's own name."""
    *parents, last = key.split(".")
    for parent in parents:
        content = content[parent]
    return content, last


def changed(**values: Any) -> Any:
    """The shipped content with some keys set; two underscores stand for a dot."""
    content = shipped()
    for name, value in values.items():
        section, last = place(content, name.replace("__", "."))
        section[last] = value
    return content


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
    """What is said of a params file that is refused."""
    with pytest.raises(ConfigError) as caught:
        load_params(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusal(content: Any) -> str:
    """What is said of params that are refused."""
    with pytest.raises(ConfigError) as caught:
        validate_params(content, Path("params.yaml"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The shipped file


def test_the_shipped_file_and_the_model_have_the_same_keys() -> None:
    assert sorted(dict(leaves(shipped()))) == sorted(model_keys(Params))


def test_every_key_is_read() -> None:
    assert load_params(SHIPPED).model_dump() == shipped()


def test_nearly_every_key_has_a_comment() -> None:
    """Without one: what its section's comment or its own name says in full."""
    bare = []
    for line in SHIPPED.read_text(encoding="utf-8").splitlines():
        code, _, comment = line.partition("#")
        name, colon, value = code.strip().partition(":")
        if colon and value.strip() and not comment.strip():
            bare.append(name)
    assert sorted(bare) == ["seed", "steps", "steps"]


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
    assert validate_params(changed(model__lr=1), tmp_path).model.lr == 1.0


@pytest.mark.parametrize("text", ["null", "~", ""])
def test_a_width_may_be_left_open(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    shipped_text = SHIPPED.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(hidden:) \d+", rf"\1 {text}", shipped_text), encoding="utf-8")
    assert load_params(path).model.mfm.hidden is None


# What is refused


RULES: dict[str, dict[str, list[Any]]] = {
    "a value is taken as it is, not converted": {
        "model.lr": ["0.1", "fast"],
        "model.mfm.steps": [10.0],
        "demo.size": [96.5],
        "data.plane_removal": ["yes", 1],
        "data.categories": ["rope"],
        "data.foreground.cluster_eps_m": ["6 mm"],
        "data.foreground.cluster_min_points": [2.5],
    },
    "only what may be left open is null": {
        "data.units": [None],
        "features.rgb.weights": [None],
        "model.mgm.use_mentor": [None],
    },
    "a number is finite": {
        "model.lr": [NAN, float("inf")],
        "data.foreground.removal_m": [NAN],
        "voting.target_fpr": [NAN],
    },
    "a length, a rate or a size of memory is above 0": {
        "model.lr": [0, -0.1],
        "model.mfm.temperature": [0],
        "data.foreground.inlier_m": [0],
        "data.foreground.piece_gap_m": [-0.01],
        "runtime.memory_gb": [0],
    },
    "a count is at least 1": {
        "demo.train": [0],
        "data.foreground.border_px": [0],
        "data.foreground.min_points": [0],
        "data.shots": [0],
        "data.train_limit": [0],
        "evaluate.most_views": [0],
        "features.shard": [0],
        "model.mfm.steps": [0],
        "runtime.threads": [0],
    },
    "what may be none is not negative": {
        "demo.validation": [-1],
        "data.light": [-1],
        "data.shots_seed": [-1],
        "model.seed": [-1],
        "model.min_held_out": [-1],
        "evaluate.panels": [-1],
    },
    "a share lies between 0 and 1": {
        "data.test_share": [0, 1.0],
        "data.foreground.piece_share": [1.1],
        "model.holdout": [1],
        "voting.nu": [0, 1.5],
        "evaluate.limits": [[0], [1.5]],
    },
    "an address in a bucket is whole": {
        "data.bucket": ["plant", "s3://plant/"],
        "runtime.store": ["bucket/place", "s3://", "s3://b", "s3://bucket//x", "s3://bucket/x/"],
    },
    "a cluster has a host and a port": {
        "runtime.address": ["head", "head:gcs", "http://head:8265", "ray://head:10001"],
    },
    "a choice is one of those that there are": {
        "data.units": ["cm"],
        "features.layout": ["sparse"],
        "features.codec": ["gzip"],
        "features.points.normalize": ["unit_cube"],
        "features.rgb.tokens": ["some"],
        "model.precision": ["float16"],
        "voting.rule": ["product"],
        "voting.maps": [["depth"]],
        "runtime.device": ["gpu"],
    },
    "a category is a name, not a path": {
        "demo.categories": [["../etc"]],
        "data.categories": [["a/b"], [".."]],
    },
    "a list names nothing twice": {
        "demo.categories": [["biscuit", "biscuit"]],
        "data.categories": [["rope", "rope"]],
        "voting.maps": [["rgb", "rgb"]],
    },
    "a list holds something": {
        "data.categories": [[]],
        "voting.maps": [[]],
        "voting.levels": [[]],
        "evaluate.limits": [[]],
    },
    "the camera's file lies in the data set": {
        "data.camera": ["", "/etc/camera.json", "../camera.json"],
    },
    "an image of the demo is neither tiny nor huge": {"demo.size": [63, 2049]},
    "Eyecandies has six lights": {"data.light": [6]},
    "three groups for interpolation, and 16 bits for their numbers": {
        "features.points.groups": [2, 65536],
    },
    "a weight above 0 for each of the three maps": {"voting.weights": [[1, 1], [1, 0, 1]]},
    "three exponents a level, one of them above 0": {
        "voting.levels": [[[1, 1]], [[0, 0, 0]], [[1, 1, -1]]],
    },
    "a box has a centre pixel": {"voting.smoothing": [[4]]},
}


@pytest.mark.parametrize("rule", RULES)
def test_a_value_against_a_rule_is_named(rule: str) -> None:
    for key, values in RULES[rule].items():
        for value in values:
            said = refusal(changed(**{key.replace(".", "__"): value}))
            assert said.startswith(f"params.yaml: {key}")
            assert any(f"{part!r}: " in said for part in parts(value))


def test_where_ray_takes_jobs_is_no_address_of_a_cluster() -> None:
    said = refusal(changed(runtime__address="http://head:8265"))
    assert "is where Ray takes jobs" in said
    assert "give HOST:PORT of its head" in said


@pytest.mark.parametrize("key", ["model.learning_rate", "extra", "features.rgb.codec"])
def test_an_unknown_key_is_named(key: str) -> None:
    said = refusal(changed(**{key.replace(".", "__"): 1}))
    assert said == f"params.yaml: {key} is not a known param; check its spelling"


def test_every_key_is_needed() -> None:
    """No param has a default: what is not in the file is named, each by its key."""
    said = refusal(emptied(shipped())).removeprefix("params.yaml: ").split("; ")
    assert sorted(said) == sorted(f"{key} is missing" for key, _ in leaves(shipped()))


def emptied(content: dict[str, Any]) -> dict[str, Any]:
    """The sections without their keys."""
    return {k: emptied(v) for k, v in content.items() if isinstance(v, dict)}


def test_every_problem_is_named_at_once() -> None:
    said = refusal(changed(model__lr=-1, voting__nu=2, oops=3))
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
