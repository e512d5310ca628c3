"""Trained modules on disk: what is loaded is what was saved, and nothing else is accepted."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mentor3ad.fusion.network import Fusion
from mentor3ad.guidance.network import Guidance
from mentor3ad.mentor.modules import (
    CONFIG,
    MODULE_FILE,
    M,
    TrainedModule,
    load_module,
    module_sha256,
    save_module,
)
from mentor3ad.params.project import LOSS_FILE
from mentor3ad.plumbing.errors import CacheError, WeightsError
from mentor3ad.seals.seal import write_seal

CPU = torch.device("cpu")


def fusion(dim: int = 8, hidden: int = 6) -> Fusion:
    torch.manual_seed(0)
    return Fusion(dim, hidden)


def guidance(use_mentor: bool = True) -> Guidance:
    torch.manual_seed(0)
    return Guidance(8, 6, use_mentor)


def loaded_from(kind: type[M], folder: Path) -> M:
    """A module from a folder that is sealed as it is now."""
    write_seal(folder, kind.OUT, "rope", {})
    return load_module(kind, folder, CPU)


def assert_equal_states(a: torch.nn.Module, b: torch.nn.Module) -> None:
    assert a.state_dict().keys() == b.state_dict().keys()
    for name, tensor in a.state_dict().items():
        torch.testing.assert_close(b.state_dict()[name], tensor, rtol=0, atol=0)


def test_a_saved_fusion_loads_bit_for_bit(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0])
    assert_equal_states(fusion(), loaded_from(Fusion, tmp_path))


@pytest.mark.parametrize("use_mentor", [True, False])
def test_a_saved_guidance_loads_bit_for_bit(tmp_path: Path, use_mentor: bool) -> None:
    save_module(tmp_path, guidance(use_mentor), [1.0])
    loaded = loaded_from(Guidance, tmp_path)
    assert_equal_states(guidance(use_mentor), loaded)


def test_channels_other_than_the_papers_are_in_the_file(tmp_path: Path) -> None:
    made = Guidance(8, 6, True, None, (24, 40))
    save_module(tmp_path, made, [1.0])
    assert_equal_states(made, loaded_from(Guidance, tmp_path))


def test_saving_what_was_loaded_gives_the_same_bytes(tmp_path: Path) -> None:
    save_module(tmp_path / "a", fusion(), [1.0, 0.5])
    save_module(tmp_path / "b", loaded_from(Fusion, tmp_path / "a"), [1.0, 0.5])
    for name in (MODULE_FILE, LOSS_FILE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_loaded_module_is_frozen(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0])
    loaded = loaded_from(Fusion, tmp_path)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_losses_are_one_row_a_step(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0, 0.33333333])
    assert json.loads((tmp_path / LOSS_FILE).read_text()) == [
        {"step": 0, "loss": 1.0},
        {"step": 1, "loss": 0.333333},
    ]


def test_the_hash_is_of_the_file(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0])
    expected = hashlib.sha256((tmp_path / MODULE_FILE).read_bytes()).hexdigest()
    write_seal(tmp_path, Fusion.OUT, "rope", {})
    assert module_sha256(tmp_path) == expected


# What is refused


def refused(folder: Path, kind: type[TrainedModule] = Fusion) -> str:
    with pytest.raises(WeightsError) as caught:
        loaded_from(kind, folder)
    said = str(caught.value)
    assert said.startswith(f"{folder / MODULE_FILE} does not hold a whole ")
    assert said.endswith("run `dvc repro` to make it again")
    assert "\n" not in said
    return said


def edit(folder: Path, **config: Any) -> None:
    """Save the file again, with other words about the module's sizes."""
    state = load_file(folder / MODULE_FILE)
    saved = {**fusion().config, **config}
    save_file(state, folder / MODULE_FILE, {CONFIG: json.dumps(saved)})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="its seal does not list it"):
        loaded_from(Fusion, tmp_path)


def test_a_module_that_is_not_the_sealed_one_is_refused(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0])
    write_seal(tmp_path, Fusion.OUT, "rope", {})
    save_module(tmp_path, fusion(hidden=7), [1.0])
    with pytest.raises(CacheError, match=r"module\.safetensors is missing or damaged"):
        load_module(Fusion, tmp_path, CPU)


def test_a_module_under_the_others_name_is_refused(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0])
    write_seal(tmp_path, Fusion.OUT, "rope", {})
    with pytest.raises(CacheError, match="kind is 'mfm', expected 'mgm'"):
        load_module(Guidance, tmp_path, CPU)


@pytest.mark.parametrize(("change", "name"), [({"dim": 9}, "rgb.3"), ({"hidden": 7}, "rgb.1")])
def test_tensors_of_other_sizes_are_refused_and_named(
    tmp_path: Path, change: dict[str, int], name: str
) -> None:
    save_module(tmp_path, fusion(), [1.0])
    edit(tmp_path, **change)
    assert f"size mismatch for {name}.weight" in refused(tmp_path)


@pytest.mark.parametrize(
    "change", [{"stray": 1}, {"dim": "wide"}, {"dim": -1}, {"channels": [768]}]
)
def test_sizes_that_are_none_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    save_module(tmp_path, fusion(), [1.0])
    edit(tmp_path, **change)
    refused(tmp_path)


def test_a_file_without_its_sizes_is_refused(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0])
    save_file(load_file(tmp_path / MODULE_FILE), tmp_path / MODULE_FILE)
    refused(tmp_path)


def test_another_kind_of_module_is_refused(tmp_path: Path) -> None:
    save_module(tmp_path, guidance(), [1.0])
    refused(tmp_path)


@pytest.mark.parametrize("use_mentor", [True, False])
def test_guidance_comes_back_as_it_was_trained(tmp_path: Path, use_mentor: bool) -> None:
    save_module(tmp_path, guidance(use_mentor), [1.0])
    assert (loaded_from(Guidance, tmp_path).to_xyz.guide is not None) == use_mentor


def test_a_fusion_is_not_taken_for_a_guidance(tmp_path: Path) -> None:
    save_module(tmp_path, fusion(), [1.0])
    refused(tmp_path, Guidance)


@pytest.mark.parametrize("stray", [True, False])
def test_a_tensor_too_many_or_too_few_is_refused(tmp_path: Path, stray: bool) -> None:
    save_module(tmp_path, fusion(), [1.0])
    state = load_file(tmp_path / MODULE_FILE)
    if stray:
        state["stray"] = torch.zeros(1)
    else:
        del state["rgb.1.bias"]
    save_file(state, tmp_path / MODULE_FILE, {CONFIG: json.dumps(fusion().config)})
    refused(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    save_module(tmp_path, fusion(), [1.0])
    file = tmp_path / MODULE_FILE
    file.write_bytes(file.read_bytes()[:keep])
    refused(tmp_path)
