"""The public face: `from mentor3ad import ...`."""

import subprocess
import sys

import pytest

import mentor3ad
from testbed.paths import ROOT

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_import_alone_is_light() -> None:
    """Whoever wants the version or an error must not wait for torch."""
    loaded = python("import sys, mentor3ad; dir(mentor3ad); print(*sys.modules)").split()
    heavy = {"torch", "timm", "zarr", "numpy", "pydantic", "scipy", "ruamel"}
    assert {name.partition(".")[0] for name in loaded} & heavy == set()


def test_an_error_is_light_too() -> None:
    loaded = python("import sys; from mentor3ad import DataError; print(*sys.modules)").split()
    assert "torch" not in loaded


@pytest.mark.parametrize("name", mentor3ad.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(mentor3ad, name) is not None
    assert name in dir(mentor3ad)
    assert f"`{name}`" in PAGE


def test_a_star_gives_the_listed_names() -> None:
    names: dict[str, object] = {}
    exec("from mentor3ad import *", names)
    assert names.keys() - {"__builtins__"} == set(mentor3ad.__all__)


def test_a_name_is_the_rooms_own() -> None:
    from mentor3ad.features.store import FeatureCache

    assert mentor3ad.FeatureCache is FeatureCache


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'mentor3ad' has no attribute 'Inspectr'"):
        mentor3ad.Inspectr  # noqa: B018
    with pytest.raises(ImportError):
        exec("from mentor3ad import Inspectr")


def test_a_room_is_imported_by_its_own_name() -> None:
    """`__getattr__` must not hide submodules."""
    assert python("import mentor3ad.plumbing.words as w; print(w.counted(2, 'scan'))") == (
        "2 scans\n"
    )
