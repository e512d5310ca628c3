"""What measurements share: params, a folder, the machine's limits and finished projects."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mentor3ad.params.schema import Params

if TYPE_CHECKING:
    import torch

    from bench.limits import Limits
    from bench.project import Finished


@dataclass
class Bench:
    """What measurements share. Everything made here lies in `folder` and is made on first use."""

    params: Params  # the demo's settings, as shipped
    folder: Path
    quick: bool = False
    scans: int = 28  # of the generated category
    models: Path | None = None  # a bundle or project, and a folder of scans, of `predict`
    inspected: Path | None = None

    @cached_property
    def device(self) -> "torch.device":
        from mentor3ad.compute.device import select_device
        from mentor3ad.compute.process import configure_process

        configure_process(self.params.runtime)
        return select_device(self.params.runtime)

    @cached_property
    def paper_params(self) -> Params:
        """The paper's settings, with random weights."""
        from bench.project import paper_settings, params_of

        return params_of(paper_settings())

    @cached_property
    def limits(self) -> "Limits":
        from bench.limits import measure_limits

        return measure_limits(self.folder, self.device, self.quick)

    @cached_property
    def demo(self) -> "Finished":
        """A category at the demo's settings that every stage has run through."""
        from bench.project import demo_settings, finish

        return finish(self.folder / "demo", demo_settings(self.scans, self.quick))

    @cached_property
    def paper(self) -> "Finished":
        """A few scans at the paper's settings; its modules are hardly trained."""
        from bench.project import finish, paper_settings

        return finish(self.folder / "paper", paper_settings())

    def runs(self, many: int) -> int:
        """How often to repeat what is repeated `many` times in a full run."""
        return max(1, many // 3) if self.quick else many
