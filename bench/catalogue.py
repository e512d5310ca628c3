"""Every measurement by name. Imports nothing heavy, so that they can be listed at once."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.figures import Row
    from bench.harness import Bench


@dataclass(frozen=True)
class Measurement:
    """A function `module:name` from a Bench to rows."""

    title: str
    place: str
    usual: bool = True  # whether it runs where none is named

    def run(self, bench: Bench) -> list[Row]:
        module, _, name = self.place.partition(":")
        rows: list[Row] = getattr(import_module(module), name)(bench)
        return rows


CATALOGUE = {
    "limits": Measurement(
        "what the machine can do: matrix products, copies, the disk", "bench.machine:limits"
    ),
    "stages": Measurement(
        "every stage on a generated category, one process each", "bench.stages:stages"
    ),
    "extract": Measurement(
        "extraction from files and from memory, demo and paper settings", "bench.extraction:extract"
    ),
    "oracle": Measurement(
        "extraction beside a plain rendering of the published stages", "bench.extraction:published"
    ),
    "train": Measurement(
        "a training step of MFM and MGM, demo and paper widths", "bench.training:train"
    ),
    "score": Measurement("scoring, voting and metrics in memory", "bench.scoring:score"),
    "aupro": Measurement(
        "AUPRO of 100 maps on one core, beside the reference's form", "bench.scoring:aupro"
    ),
    "latency": Measurement(
        "one scan, warm, from files to decision, demo and paper settings", "bench.latency:latency"
    ),
    "speed": Measurement(
        "Table V: scans a second and memory of ours and the rivals, paper settings",
        "bench.speed:speed",
    ),
    "startup": Measurement(
        "start-up of the stage scripts and of the command line", "bench.dag:startup"
    ),
    "dag": Measurement("`dvc repro` with nothing to do, 1 to 10 categories", "bench.dag:no_op"),
    "scaling": Measurement("growth with scans, points, groups and batch", "bench.scaling:scaling"),
    "codecs": Measurement(
        "size and speed of each codec of the cache",
        "bench.codecs:codecs",
        usual=False,
    ),
    "demo": Measurement(
        "the whole demo, every category, one process a stage",
        "bench.stages:whole_demo",
        usual=False,
    ),
    "backbones": Measurement(
        "pairs of backbones: features, operations, seconds and bytes of a scan",
        "bench.backbones:backbones",
        usual=False,
    ),
    "foreground": Measurement(
        "foreground extraction beside the published steps",
        "bench.foreground:foreground",
        usual=False,
    ),
    "growth": Measurement(
        "time and memory of all that is no backbone, by the number of scans",
        "bench.growth:growth",
        usual=False,
    ),
    "mapped": Measurement(
        "a training step from features in memory, and mapped from the disk",
        "bench.training:mapped",
        usual=False,
    ),
    "neighbours": Measurement(
        "a training step beside none, one and two busy programs",
        "bench.neighbours:neighbours",
        usual=False,
    ),
    "peers": Measurement(
        "one scan to predict and one epoch to train, beside the peers on the same files",
        "bench.peers:peers",
        usual=False,
    ),
    "predict": Measurement(
        "a model of yours on scans of yours: --models, --folder",
        "bench.latency:predict",
        usual=False,
    ),
    "report": Measurement(
        "size and load time of the report, 10 categories of 120 scans",
        "bench.report:report",
        usual=False,
    ),
    "validate": Measurement(
        "`mentor3ad validate` and the preparation, one thread and all",
        "bench.validate:validate",
        usual=False,
    ),
}
