"""timm without torch's compiler, and its networks without their random start.

timm brings torchvision, and both ask for `torch._dynamo` while they are imported: torchvision for a
function that no network here calls, timm to mark functions that no compiler should look into. So do
many operations on the meta device. Importing it takes nearly as long as torch itself, in each
process that loads a backbone, and nothing here compiles a network.

Random weights take time too, and here all of them are overwritten.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

COMPILER = "torch._dynamo"
RANDOM = {"uniform_", "normal_", "trunc_normal_", "erfinv_"}  # in place, of torch
RANDOM |= {f"{name}_{kind}_" for name in ("kaiming", "xavier") for kind in ("uniform", "normal")}


def timm_library() -> Any:
    """The module `timm`, imported at the first call."""
    with without_compiler():
        return import_module("timm")


def new_network(model: str) -> "nn.Module":
    """A network of timm without its classifier, on torch's current device.

    Where timm would start with random weights, memory is left as it was found: the caller has to
    fill every parameter.
    """
    from torch.overrides import TorchFunctionMode

    class Unstarted(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if getattr(function, "__name__", None) in RANDOM:
                return args[0] if args else kwargs["tensor"]
            return function(*args, **kwargs)

    with without_compiler(), Unstarted():
        return timm_library().create_model(model, num_classes=0)


@contextmanager
def without_compiler() -> Iterator[None]:
    """Let modules stand in for torch's compiler in the block, unless it has been imported before.

    They pass on to the real compiler what they do not know, which takes longer and changes nothing
    else. After the block the real compiler can be imported. It would then also compile functions
    that timm and torch mark as not to be compiled, if these were imported or first called inside of
    the block.
    """
    if COMPILER in sys.modules:
        yield
        return
    compiler, utils = ModuleType(COMPILER), ModuleType(f"{COMPILER}.utils")
    stand_ins = {module.__name__: module for module in (compiler, utils)}

    def withdraw() -> None:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]

    def real(module: str) -> Callable[[str], Any]:
        def attribute(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            withdraw()
            return getattr(import_module(module), name)

        return attribute

    package = find_spec("torch")
    places = package.submodule_search_locations if package else None
    vars(compiler).update(__path__=[f"{place}/_dynamo" for place in places or ()])
    vars(compiler).update(utils=utils, disable=_unmarked, __getattr__=real(COMPILER))
    vars(utils).update(is_compile_supported=lambda device: False, __getattr__=real(utils.__name__))
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        withdraw()


def _unmarked(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
    """In the place of `torch._dynamo.disable`, as a decorator or called with options alone."""
    return function if function is not None else lambda given: given
