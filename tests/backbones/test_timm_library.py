"""timm comes without torch's compiler, which can still be had."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
from mentor3ad.backbones.timm_library import timm_library
timm = timm_library()
from mentor3ad.backbones.images import empty_network
from mentor3ad.weights.load import load_image_network
from mentor3ad.backbones.images import image_spec
for name in ("vit_small_patch8_224.dino", "tf_efficientnet_lite0"):
    empty_network(name)
    network = load_image_network(image_spec(name, None, None), "random", 0, "rgb")
    assert all(value.isfinite().all() for value in network.state_dict().values())
assert not [name for name in sys.modules if name.startswith("torch._dynamo")]
"""
COMPILES = """
import torch
network = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=32, depth=1).eval()
picture = torch.rand(1, 3, 32, 32)
torch._dynamo.reset()
compiled = torch.compile(network, backend="eager")
assert torch.equal(compiled(picture), network(picture))
assert torch._dynamo.utils.counters["frames"]["ok"] > 0
import torchvision.ops
"""
ASKED = """
import sys
from mentor3ad.backbones import timm_library
with timm_library.without_compiler():
    {asks}
import torch._dynamo, torch._dynamo.utils
assert vars(torch._dynamo)["OptimizedModule"]
assert torch._dynamo.utils is sys.modules["torch._dynamo.utils"]
"""

THERE = """
import sys
import torch._dynamo as there
from mentor3ad.backbones.timm_library import timm_library
timm_library()
assert sys.modules["torch._dynamo"] is there
from timm.models.naflexvit import NaFlexRopeIterator
assert NaFlexRopeIterator.__next__._torchdynamo_disable
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_compiler_is_not_imported_and_works_later() -> None:
    run(WITHOUT + COMPILES)


@pytest.mark.parametrize(
    "asks",
    [
        "from torch._dynamo.utils import counters",
        "import torch._dynamo.config",
    ],
)
def test_what_the_stand_in_does_not_know_is_the_real_one(asks: str) -> None:
    run(ASKED.format(asks=asks))


def test_a_compiler_that_is_there_stays() -> None:
    run(THERE)
