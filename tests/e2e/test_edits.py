"""Edits of the code of a finished project: which stages run again, and what they compute."""

import contextlib
from collections.abc import Iterator

import pytest

from testbed.clone import CATEGORY, Project, digest, stages_run

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def edited(project: Project, name: str, old: str, new: str) -> Iterator[None]:
    """Have another text in a file of the pipeline; afterwards all is as it was committed."""
    file = project.root / "pipeline" / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    yield
    project.run("git", "checkout", "--quiet", "--force", "HEAD")


def changed(project: Project) -> set[str]:
    """The stages of which `dvc status` says that their code changed, without the category."""
    return {name.partition("@")[0] for name in project.json("status")}


def test_a_reworded_message_of_a_reader_computes_no_scan_and_trains_nothing(
    finished: Project, results: dict[str, dict[str, str]]
) -> None:
    with edited(finished, "readers/formats/pcd.py", "save it as PCD again", "write it anew"):
        output = finished.dvc("repro")
        assert stages_run(output) == {"prepare", "extract"}
        assert f"extract {CATEGORY}: 13 scans: 0 computed, 13 reused" in output
        assert digest(finished.data("features")) == results["features"]


def test_an_edit_of_the_loss_of_guidance_trains_guidance_alone(finished: Project) -> None:
    with edited(
        finished,
        "guidance/network.py",
        "cosine_loss(rgb_predicted",
        "2 * cosine_loss(rgb_predicted",
    ):
        assert changed(finished) == {"train_mgm", "score"}


def test_an_edit_of_code_without_results_runs_nothing(finished: Project) -> None:
    with (
        edited(finished, "plumbing/errors.py", '"""', '"""Reworded. '),
        edited(finished, "params/schema.py", '"""', '"""Reworded. '),
        edited(finished, "cli/validate.py", '"""', '"""Reworded. '),
    ):
        assert changed(finished) == set()
