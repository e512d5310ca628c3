"""Made-up categories are what the stages read, and growth is read off the right numbers."""

from pathlib import Path

import numpy as np

from bench.processes import Usage
from bench.scale import CATEGORY, MadeUp, read_manifest, rows_of, write_category
from mentor3ad.cache.maps import SCORES, SCORES_KIND
from mentor3ad.cache.reader import Store
from mentor3ad.dataset.manifest import Manifest, load_masks
from mentor3ad.dataset.traits import load_traits
from mentor3ad.exhibits.store import Exhibits
from mentor3ad.params.project import Project
from mentor3ad.seals.sealed import open_chain


def test_a_made_up_category_is_whole_and_sealed(tmp_path: Path) -> None:
    write_category(tmp_path, 40)
    read_manifest(tmp_path)
    project = Project(tmp_path)
    open_chain(CATEGORY, project.outs(CATEGORY, "prepared", "mfm", "mgm", "scores"))
    prepared = project.prepared(CATEGORY)
    manifest = Manifest.load(prepared)
    counts = [len(manifest.split(split)) for split in ("train", "validation", "test")]
    assert counts == [24, 4, 12]
    masks = load_masks(prepared, manifest)
    assert [bool(m.any()) for m in masks] == [bool(row.label) for row in manifest.rows]
    assert sum(bool(row.label) for row in manifest.rows) == 6
    store = Store.open(project.scores(CATEGORY), SCORES_KIND, CATEGORY)
    np.testing.assert_array_equal(store.read(SCORES.name, 39), MadeUp.of(40).score_maps(39))
    assert len(load_traits(prepared, manifest)) == 40
    points = Exhibits.load(prepared, manifest).points(39)
    np.testing.assert_array_equal(points.any(axis=-1), store.read(SCORES.name, 39).any(axis=0))


def test_growth_is_that_of_cpu_seconds() -> None:
    uses = [(n, "vote", Usage(1.0, 2e-3 * n**1.5, 5_000_000, None, None)) for n in (10, 100, 1000)]
    *stages, growth = rows_of(uses)
    assert [row.what for row in stages] == ["vote, 10", "vote, 100", "vote, 1,000"]
    assert stages[0].figures["peak_rss_mb"] == 5.0
    assert growth.what == "vote, growth"
    np.testing.assert_allclose(growth.figures["exponent_of_cpu"], 1.5)
