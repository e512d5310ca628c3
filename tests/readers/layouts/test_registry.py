"""The registry of layouts: what each says of itself, and what a name that is not there gets."""

from pathlib import Path

import pytest

from mentor3ad.params.presets.choose import ON_TOP, PRESETS, preset_values
from mentor3ad.params.schema import Listing
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.readers.layouts import LAYOUTS, find_layout, list_scans, read_scan
from tests.options import listing
from tests.paths import ROOT
from tests.raw_data_sets import LAYOUTS as EXAMPLES

PAGE = (ROOT / "docs/data-layouts.md").read_text(encoding="utf-8")


def test_an_unknown_layout_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'mvtec' is not a layout.*eyecandies, folder, loose, mvtec3d"
    ):
        list_scans(tmp_path, "disc", listing(layout="mvtec"))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layouts_params_are_keys_of_data_and_in_the_page(name: str) -> None:
    params = find_layout(name).params
    assert params <= set(Listing.model_fields)
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))
    assert [key for key in params if f"`data.{key}`" not in row] == []


def test_every_layout_has_an_example_that_can_be_read(tmp_path: Path) -> None:
    assert EXAMPLES.keys() == LAYOUTS.keys()
    for name, (write, category, options) in EXAMPLES.items():
        scans = list_scans(write(tmp_path / name), category, options)
        assert {scan.layout for scan in scans} == {name}
        assert read_scan(scans[0]).rgb.dtype.name == "uint8"


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - set(ON_TOP)))
def test_presets_name_layouts_that_there_are(preset: str) -> None:
    assert preset_values(preset)["data.layout"] in LAYOUTS
