"""A model that makes no finite number decides nothing: NaN once was called good, with exit code 0.

Whoever edits a bundle can write its hashes too, so the numbers themselves are looked at.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.run import ExitCode
from mentor3ad.inspection.scans import find_scans
from mentor3ad.plumbing.errors import (
    BundleError,
    CacheError,
    Mentor3ADError,
    NoDecisionError,
    WeightsError,
)
from mentor3ad.voting.model import exceeds
from tests.bundles import sign


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def with_weights(folder: Path, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    path = folder / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        state = {key: change(file.get_tensor(key).clone()) for key in file.keys()}  # noqa: SIM118
    save_file(state, path, metadata)
    sign(folder)


def with_config(folder: Path, name: str, **values: Any) -> None:
    path = folder / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["config"]) | values
        state = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
    save_file(state, path, {"config": json.dumps(config)})
    sign(folder)


def refused(folder: Path, kind: type[Mentor3ADError]) -> str:
    with pytest.raises(kind) as caught:
        Inspector.load(folder, device="cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
@pytest.mark.parametrize("name", ["fusion", "guidance"])
def test_weights_that_no_training_makes_are_refused(copy: Path, name: str, value: float) -> None:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor.view(-1)[-1] = value
        return tensor

    with_weights(copy, name, change)
    assert "has values that are not finite or over 1e+15" in refused(copy, WeightsError)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", "NaN"),
        ("threshold", "Infinity"),
        ("threshold", "1e999"),
        ("threshold", "-1"),
        ("threshold", '"9"'),
        ("scale", "[NaN, 1, 1]"),
        ("smoothing", "[0]"),
        ("smoothing", "[1000000001]"),
    ],
)
def test_a_voting_model_with_such_numbers_is_refused_by_their_key(
    copy: Path, key: str, value: str
) -> None:
    content = json.loads((copy / "voting.json").read_text())
    text = json.dumps(content | {key: "HERE"}).replace('"HERE"', value)
    (copy / "voting.json").write_text(text)
    sign(copy)
    said = refused(copy, CacheError)
    assert f"{copy}/voting.json: no voting model" in said
    assert key in said


def test_numbers_of_bundle_json_are_finite(copy: Path) -> None:
    text = (copy / "bundle.json").read_text()
    content = json.loads(text)
    content["settings"]["preparation"]["inlier_m"] = float("nan")
    (copy / "bundle.json").write_text(json.dumps(content))
    assert "settings.preparation.inlier_m" in refused(copy, BundleError)


@pytest.mark.timeout(60)
def test_a_bundle_json_that_is_a_fifo_is_refused(copy: Path) -> None:
    (copy / "bundle.json").unlink()
    os.mkfifo(copy / "bundle.json")
    assert "it is a FIFO, not a regular file" in refused(copy, BundleError)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("fusion", {"hidden": 10**9}),
        ("fusion", {"dim": 10**9}),
        ("fusion", {"components": 10**6}),
        ("fusion", {"components": 700, "channels": [10**9, 10**9]}),
        ("guidance", {"hidden": 10**9}),
        ("guidance", {"memory": {"rows": 10**6, "neighbours": 5, "ridge": 0.1, "rgb": True}}),
        ("guidance", {"memory": {"rows": 10**15, "neighbours": 5, "ridge": 0.1, "rgb": True}}),
    ],
)
def test_sizes_in_a_header_take_no_memory_before_they_are_found_to_fit(
    copy: Path, monkeypatch: pytest.MonkeyPatch, name: str, values: dict[str, Any]
) -> None:
    with_config(copy, name, **values)

    def allocated(*arguments: object, **options: object) -> None:
        raise AssertionError("took memory")

    monkeypatch.setattr(torch.nn.Module, "to_empty", allocated)
    if name == "guidance":  # the fusion before it is whole
        monkeypatch.undo()
    refused(copy, WeightsError)


def test_a_network_that_overflows_decides_nothing(copy: Path, test_scans: Path) -> None:
    """Each weight is one that a network could have; their products are not."""
    with_weights(copy, "guidance", lambda tensor: tensor * 1e13)
    inspector = Inspector.load(copy, device="cpu")
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    with pytest.raises(NoDecisionError, match="NaN or infinite"):
        inspector.inspect_scan(scan)
    (found,) = inspector.inspect_batch([scan], workers=1)
    assert isinstance(found, NoDecisionError)


def test_it_has_an_exit_code_of_its_own(copy: Path, test_scans: Path) -> None:
    with_weights(copy, "guidance", lambda tensor: tensor * 1e13)
    arguments = ["predict", str(test_scans / "good"), "--bundle", str(copy), "--device", "cpu"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == ExitCode.NO_DECISION == 5
    lines = [json.loads(text) for text in done.stdout.splitlines()]
    assert all("no decision" in line["error"] and "defective" not in line for line in lines)


def test_what_cannot_be_compared_is_not_good() -> None:
    assert exceeds([np.nan, 1.0, 3.0], 2.0).tolist() == [True, False, True]
    assert bool(exceeds(1.0, float("nan")))
