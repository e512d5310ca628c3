"""Opens the engine that the params name, for whoever has work for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from ..params.schema import Runtime
from ..plumbing.errors import ClusterError
from .dispatch import Dispatcher
from .work import Work


@contextmanager
def hired(work: Work[Any, Any], runtime: Runtime, gpu: bool) -> Iterator[Dispatcher[Any]]:
    """Yield a dispatcher to workers on the cluster of `runtime.address`.

    Args:
        gpu: whether the work runs on a GPU where there is one.

    Raises:
        ClusterError: Ray is not installed, or there is no cluster that can be used.
    """
    if find_spec("ray") is None:
        raise ClusterError(
            "runtime.engine = 'ray' needs Ray, which is not installed: pip install "
            "'mentor3ad[cluster]', or set runtime.engine to local"
        )
    from .cluster import ray_dispatcher

    with ray_dispatcher(work, runtime, gpu) as dispatcher:
        yield dispatcher
