"""`mentor3ad predict --parquet`: each scan once, in parts that a later run keeps."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

pytest.importorskip("pyarrow", reason="the extra parquet is not installed")

import pyarrow.parquet as pq

import mentor3ad.inspection.bulk as bulk
from mentor3ad.cli.main import app
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.parts import parts_at
from mentor3ad.inspection.results import COLUMNS
from mentor3ad.plumbing.errors import ConfigError

NOTHING = Path("/nowhere")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two scans."""
    monkeypatch.setattr(bulk, "UNIT", 2)


@pytest.fixture
def scans(test_scans: Path, tmp_path: Path) -> Path:
    """Copies, whose masks are no scans."""
    copied = shutil.copytree(test_scans, tmp_path / "scans")
    for masks in copied.glob("*/gt"):
        shutil.rmtree(masks)
    return Path(copied)


def predict(scans: Path, bundle: Path, out: Path | str) -> Result:
    arguments = ["predict", str(scans), "--bundle", str(bundle), "--out", str(out), "--parquet"]
    return CliRunner().invoke(app, [*arguments, "--device", "cpu"], catch_exceptions=False)


def rows(out: Path) -> list[dict[str, Any]]:
    files = sorted(out.glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_every_scan_is_there_once_with_the_score_of_one_alone(
    scans: Path, bundle: Path, inspector: Inspector, tmp_path: Path
) -> None:
    assert predict(scans, bundle, tmp_path / "out").exit_code == 3
    found = rows(tmp_path / "out")
    assert list(found[0]) == COLUMNS
    names = [f"{f.parents[1].name}/{f.stem}" for f in sorted(scans.glob("*/rgb/*.png"))]
    assert [row["id"] for row in found] == sorted(names)
    kind, _, stem = found[0]["id"].partition("/")
    alone = inspector.inspect(*(scans / kind / f"{w}.{e}" for w, e in _files(stem)))
    assert (found[0]["score"], found[0]["defective"]) == (alone.score, alone.defective)


def _files(stem: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (f"rgb/{stem}", "png"), (f"xyz/{stem}", "tiff")


def test_a_run_goes_on_and_inspects_what_was_replaced(
    scans: Path, bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict(scans, bundle, out)
    before = {f.name: f.stat().st_ino for f in out.iterdir()}
    gone, replaced, *_ = sorted(before)
    (out / gone).unlink()
    second = sorted(scans.glob("*/rgb/*.png"))[2]
    os.utime(second, ns=(1, 1))
    said = predict(scans, bundle, out).stdout
    after = {f.name: f.stat().st_ino for f in out.iterdir()}
    assert gone in after
    assert replaced not in after
    assert {n: after[n] for n in sorted(before)[2:]} == {n: before[n] for n in sorted(before)[2:]}
    ids = [row["id"] for row in rows(out)]
    assert len(ids) == len(set(ids)) == len(list(scans.glob("*/rgb/*.png")))
    assert said.startswith(f"{len(ids)} scans: ")


def test_a_scan_that_cannot_be_used_has_a_row_and_stops_no_other(
    scans: Path, bundle: Path, tmp_path: Path
) -> None:
    bad, lone = sorted(scans.glob("*/xyz/*.tiff"))[:2]
    bad.write_bytes(b"no tiff")
    lone.unlink()
    predict(scans, bundle, tmp_path / "out")
    errors = [row for row in rows(tmp_path / "out") if row["error"]]
    assert len(errors) == 2
    assert all(row["score"] is None and row["defective"] is None for row in errors)


def test_parts_in_a_bucket(scans: Path, bundle: Path, bucket: str, tmp_path: Path) -> None:
    local = predict(scans, bundle, tmp_path / "out")
    there = predict(scans, bundle, f"{bucket}/results")
    assert (there.exit_code, there.stdout) == (local.exit_code, local.stdout)
    assert parts_at(f"{bucket}/results", NOTHING).names() == {
        file.stem.removeprefix("part-") for file in (tmp_path / "out").iterdir()
    }


def test_parts_never_lie_among_the_scans(scans: Path, bundle: Path) -> None:
    with pytest.raises(ConfigError, match=r"lies in .*, among the scans; name another"):
        predict(scans, bundle, scans / "out")


def test_other_forms_are_refused_beside_it(scans: Path, bundle: Path, tmp_path: Path) -> None:
    arguments = ["predict", str(scans), "--bundle", str(bundle), "--out", str(tmp_path / "out")]
    with pytest.raises(ConfigError, match="--parquet writes parts alone: leave --csv out"):
        CliRunner().invoke(app, [*arguments, "--parquet", "--csv"], catch_exceptions=False)
