"""The training of a category by a worker of a cluster, as one unit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch

from ..compute.device import select_device
from ..compute.process import configure_process
from ..engine.hired import hired
from ..engine.kind import machine_kind
from ..engine.work import Opened, Seat, Unit
from ..params.schema import Params
from ..plumbing.logs import Figures

LIBRARIES = ("numpy", "torch")  # that train


@dataclass(frozen=True)
class Training:
    """A training stage as work for the engine; see `engine.work.Work`.

    The worker runs the stage's own function in the project's folder, so that the out appears there.

    Attributes:
        root: the project, an absolute path that every node has.
        module: of the stage's script, such as `stages.train_mfm`; its function has the same name.
    """

    root: Path
    module: str
    params: Params

    @contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[str, Figures]]:
        """Enter the project. Raises OSError where it is not there."""
        os.chdir(self.root)
        own = {"device": seat.device, "threads": seat.threads, "engine": "local"}
        runtime = self.params.runtime.model_copy(update=own)
        params = self.params.model_copy(update={"runtime": runtime})
        configure_process(runtime)
        device = select_device(runtime)
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        stage = getattr(import_module(self.module), self.module.rpartition(".")[2])
        yield Opened(
            machine_kind(LIBRARIES) | {"device": name}, lambda category: stage(params, category)
        )


def train_on_cluster(params: Params, category: str, module: str) -> Figures:
    """Have a worker run a training stage, and return the figures that it returns.

    Raises:
        ClusterError: see `hired` and `Dispatcher`.
        Mentor3ADError: what the stage raises.
    """
    runtime = params.runtime.model_copy(update={"cluster_workers": 1})
    work = Training(Path.cwd(), module, params)
    with hired(work, runtime, gpu=True) as workers:
        unit = Unit(0, category, f"the training of {category}")
        ((_, figures),) = workers.results([unit])
    return dict(figures)
