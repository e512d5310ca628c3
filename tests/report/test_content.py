"""What the page says: counts, promises, the paper's numbers and settings."""

from dataclasses import replace

from mentor3ad.report.html.content import LOSS_POINTS, page_content
from mentor3ad.report.summary import summarise
from tests.report import made_up


def test_scans_point_at_their_views() -> None:
    views = made_up.views("rope").scans
    for scan in made_up.content().scans:
        assert views[scan.view].id == scan.id
    assert [s.rejected for s in made_up.content().scans[:6]] == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]


def test_a_report_without_views_keeps_scans_and_scores() -> None:
    each = {"rope": made_up.metrics()}
    bare = replace(made_up.views("rope"), scans=(), ranges={})
    scans = page_content(made_up.params(), summarise(each), each, {}, [bare]).scans
    assert [scan.view for scan in scans] == [None] * len(made_up.KINDS)
    assert [scan.score for scan in scans] == list(made_up.SCORES)


def test_threshold_has_promise_and_outcome() -> None:
    threshold = made_up.content().categories[0].threshold
    assert (threshold.value, threshold.scans, threshold.needed) == (1.0, 8, 19)
    assert round(threshold.expected, 4) == 0.1111
    assert (threshold.false_alarms, threshold.good, threshold.misses) == (1, 3, 1)
    assert tuple(round(v, 4) for v in threshold.interval) == (0.0084, 0.9057)


def test_curves_keep_their_axes_and_losses_are_means() -> None:
    curves = made_up.content().curves
    assert curves["pro"]["tire"] == ([0.0, 0.1, 0.3, 1.0], [0.0, 0.6, 0.9, 1.0])
    steps, losses = curves["loss_mfm"]["rope"]
    assert len(steps) == LOSS_POINTS
    assert (steps[:2], losses[0]) == ([0.5, 2.5], 1.5)


def test_settings_are_the_params_without_runtime() -> None:
    settings = made_up.content().params
    assert settings["model.mfm.dim"] == made_up.params().model.mfm.dim
    assert not [key for key in settings if key.startswith("runtime")]


def test_versions_name_ours_and_the_libraries() -> None:
    assert {"mentor3ad", "Python", "torch", "zarr"} <= set(made_up.content().versions)


def test_the_papers_numbers_stand_beside_the_papers_categories_only() -> None:
    assert made_up.content().paper is None
    names = ["Duck_1", "Duck_2", "Duck_3"]
    each = {name: made_up.metrics() for name in names}
    views = [made_up.views(name) for name in names]
    paper = page_content(made_up.params(), summarise(each), each, {}, views).paper
    assert paper is not None
    assert (paper.table, paper.values["i_auroc"]["mean"]) == ("VII", 0.917)
