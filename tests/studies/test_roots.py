"""check_root: experiments beside the workspace see absolute roots, and those that are outs."""

from types import SimpleNamespace
from typing import Any

import pytest

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.studies.plan import check_root


def plan_of(root: str) -> Any:
    return SimpleNamespace(baseline=SimpleNamespace(params={"data": {"root": root}}))


@pytest.mark.parametrize("root", ["/data/scans", "data/demo", "data/inventory"])
def test_a_root_that_is_there_too(root: str) -> None:
    check_root(plan_of(root))


def test_a_relative_root_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.root = scans is relative"):
        check_root(plan_of("scans"))
