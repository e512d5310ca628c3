"""Where tests find the repository and the golden vectors."""

from testbed.paths import ROOT

__all__ = ["GOLDEN", "ROOT"]

GOLDEN = ROOT / "tests/golden"
