"""Mentor3AD: multimodal (RGB + point cloud) anomaly detection from a feature cache.

The names below are the public face of the library, and docs/api.md explains each of them. All other
names are internal and may change with any release.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .plumbing.version import __version__

if TYPE_CHECKING:
    from .features.store import FeatureCache
    from .inspection.bundle import load_bundle
    from .inspection.export import write_bundle
    from .inspection.found import Inspection
    from .inspection.inspector import Inspector
    from .inspection.scans import find_scans
    from .params.project import Project
    from .params.schema import load_params
    from .plumbing.errors import (
        BundleError,
        CacheError,
        ConfigError,
        DataError,
        Mentor3ADError,
        WeightsError,
    )
    from .voting.model import VotingModel

__all__ = [
    "BundleError",
    "CacheError",
    "ConfigError",
    "DataError",
    "FeatureCache",
    "Inspection",
    "Inspector",
    "Mentor3ADError",
    "Project",
    "VotingModel",
    "WeightsError",
    "__version__",
    "find_scans",
    "load_bundle",
    "load_params",
    "write_bundle",
]

# The module of each name. It is imported when the name is first used (PEP 562), because torch and
# zarr take seconds to import, and a command that only prints its help needs neither of them.
_MODULES = {
    "BundleError": ".plumbing.errors",
    "CacheError": ".plumbing.errors",
    "ConfigError": ".plumbing.errors",
    "DataError": ".plumbing.errors",
    "FeatureCache": ".features.store",
    "Inspection": ".inspection.found",
    "Inspector": ".inspection.inspector",
    "Mentor3ADError": ".plumbing.errors",
    "Project": ".params.project",
    "VotingModel": ".voting.model",
    "WeightsError": ".plumbing.errors",
    "find_scans": ".inspection.scans",
    "load_bundle": ".inspection.bundle",
    "load_params": ".params.schema",
    "write_bundle": ".inspection.export",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # a type checker would take every name for one of the module's

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name], __name__), name)
        globals()[name] = value  # the next use finds it without this function
        return value
