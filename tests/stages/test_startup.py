"""Starting a stage imports what it computes with and nothing else: half a second each adds up."""

import subprocess
import sys

import pytest

HEAVY = {"matplotlib", "scipy", "sklearn", "timm", "torch", "torchvision", "torch._dynamo", "zarr"}
NEEDED = {
    "generate": {"scipy"},
    "prepare": set(),
    "inventory": set(),
    "vote": {"zarr"},
    "evaluate": {"matplotlib", "scipy", "zarr"},
    "rivals": set(),
    "report": {"matplotlib"},
    "score": {"torch", "zarr"},
    "extract": {"torch", "zarr"},
    "train_mfm": {"torch", "zarr"},
    "train_mgm": {"torch", "zarr"},
}


@pytest.mark.parametrize("stage", sorted(NEEDED))
def test_a_stage_imports_no_library_that_it_does_not_need(stage: str) -> None:
    code = f"import sys, stages.{stage}; print(*({HEAVY} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == NEEDED[stage]
