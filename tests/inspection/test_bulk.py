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
from mentor3ad.buckets.access import bucket_at
from mentor3ad.cli.main import app
from mentor3ad.inspection.export import write_bundle
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.parts import parts_at
from mentor3ad.inspection.places import scans_at
from mentor3ad.inspection.results import COLUMNS
from mentor3ad.inspection.run import ExitCode
from mentor3ad.plumbing.errors import ConfigError, NoDecisionError
from testbed.clone import CATEGORY
from testbed.s3_server import S3Server
from tests.tiny_project import LIGHT, run_stages

NOTHING = "/nowhere"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of two scans."""
    monkeypatch.setattr(bulk, "UNIT", 2)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose model each of the many predictions here loads in no time."""
    light = {key.replace(".", "__"): value for key, value in LIGHT.items()}
    return run_stages(tmp_path_factory.mktemp("light"), **light, rivals__methods=[])


@pytest.fixture(scope="module")
def test_scans(project: Path) -> Path:
    return project / "data/demo" / CATEGORY / "test"


@pytest.fixture(scope="module")
def bundle(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / CATEGORY
    write_bundle(project, CATEGORY, out)
    return out


@pytest.fixture(scope="module")
def inspector(bundle: Path) -> Inspector:
    return Inspector.load(bundle, device="cpu")


@pytest.fixture
def scans(test_scans: Path, tmp_path: Path) -> Path:
    """Copies, whose masks are no scans."""
    copied = shutil.copytree(test_scans, tmp_path / "scans")
    for masks in copied.glob("*/gt"):
        shutil.rmtree(masks)
    return Path(copied)


def predict(scans: Path | str, bundle: Path, out: Path | str) -> Result:
    arguments = ["predict", str(scans), "--bundle", str(bundle), "--out", str(out), "--parquet"]
    return CliRunner().invoke(app, [*arguments, "--device", "cpu"], catch_exceptions=False)


def rows(out: Path) -> list[dict[str, Any]]:
    files = sorted(out.glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_every_scan_is_there_once_with_the_score_of_one_alone(
    scans: Path, bundle: Path, inspector: Inspector, tmp_path: Path
) -> None:
    code = predict(scans, bundle, tmp_path / "out").exit_code
    found = rows(tmp_path / "out")
    assert (code == ExitCode.DEFECTIVE) == any(row["defective"] for row in found)
    assert list(found[0]) == COLUMNS
    names = list(map(_id, sorted(scans.glob("*/rgb/*.png"))))
    assert [row["id"] for row in found] == sorted(names)
    kind, _, stem = found[0]["id"].partition("/")
    alone = inspector.inspect(*(scans / kind / f"{w}.{e}" for w, e in _files(stem)))
    assert (found[0]["score"], found[0]["defective"]) == (alone.score, alone.defective)


def _id(path: Path) -> str:
    return f"{path.parents[1].name}/{path.stem}"


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


def put(scans: Path, url: str) -> None:
    for path in scans.rglob("*"):
        if path.is_file():
            bucket_at(url).replace(path.relative_to(scans).as_posix(), path.read_bytes())


def test_scans_in_a_bucket_are_judged_as_those_of_a_folder(
    scans: Path, bundle: Path, s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    """Each file is fetched once; the second run goes on, without a file of what is there."""
    put(scans, f"{bucket}/line/1")
    local = predict(scans, bundle, tmp_path / "local")
    with s3.requests() as first:
        there = predict(f"{bucket}/line/1", bundle, tmp_path / "out")
    assert (there.exit_code, there.stdout) == (local.exit_code, local.stdout)
    of_a_run = {"seconds": None, "time": None, "source": None}
    found, expected = rows(tmp_path / "out"), rows(tmp_path / "local")
    assert [row | of_a_run for row in found] == [row | of_a_run for row in expected]
    fetched = [line for line in first if line.startswith("GET") and "/line/1/" in line]
    assert len(fetched) == len(set(fetched)) == 2 * len(found)
    _, second, *_ = (out := sorted((tmp_path / "out").iterdir()))
    second.unlink()
    with s3.requests() as again:
        predict(f"{bucket}/line/1", bundle, tmp_path / "out")
    assert sorted((tmp_path / "out").iterdir()) == out
    assert len([line for line in again if line.startswith("GET") and "/line/1/" in line]) == 4


def test_a_scan_in_a_bucket_that_cannot_be_used_is_named_by_its_address(
    scans: Path, bundle: Path, bucket: str, tmp_path: Path
) -> None:
    bad, lone = sorted(scans.glob("*/xyz/*.tiff"))[:2]
    bad.write_bytes(b"no tiff")
    lone.unlink()
    put(scans, bucket)
    predict(bucket, bundle, tmp_path / "out")
    errors = {row["id"]: row["error"] for row in rows(tmp_path / "out") if row["error"]}
    image = (lone.parents[1] / "rgb" / lone.name).with_suffix(".png")
    for path in (bad, image):
        name = f"{bucket}/{path.relative_to(scans).as_posix()} "
        assert [id_ for id_, text in errors.items() if name in text] == [_id(path)]
    assert not any("/tmp" in text for text in errors.values())


def test_scans_that_were_replaced_since_they_were_listed_have_a_row_that_says_so(
    scans: Path, bundle: Path, bucket: str, inspector: Inspector
) -> None:
    put(scans, bucket)
    found = scans_at(bucket, inspector.model)
    image = found.scans[0].rgb.as_posix()
    bucket_at(bucket).replace(image, b"another image")
    one, other = bulk.results(inspector, found.given(slice(0, 2)), None, 1)
    assert one.error
    assert f"{bucket}/{image} is not what the inventory lists" in one.error
    assert one.error.endswith("run the prediction again")
    assert other.score is not None


def test_what_comes_from_a_bucket_needs_a_place_for_parts(bundle: Path) -> None:
    arguments = ["predict", "s3://plant/line", "--bundle", str(bundle)]
    with pytest.raises(ConfigError, match="one place of them in a bucket, --bundle and --out"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_parts_never_lie_among_the_scans(scans: Path, bundle: Path) -> None:
    with pytest.raises(ConfigError, match=r"lies in .*, among the scans; name another"):
        predict(scans, bundle, scans / "out")
    with pytest.raises(ConfigError, match=r"lies in .*, among the scans; name another"):
        predict("s3://plant/line", bundle, "s3://plant/line/out")


def test_a_number_that_is_not_finite_has_its_own_exit_code_and_no_part(
    scans: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undecided(_: Inspector, each: list[object], *rest: object) -> Any:
        return (NoDecisionError("no decision: 1 value is NaN") for _ in each)

    monkeypatch.setattr(Inspector, "inspect_batch", undecided)
    out = tmp_path / "out"
    arguments = ["predict", str(scans), "--bundle", str(bundle), "--out", str(out), "--parquet"]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == ExitCode.NO_DECISION
    assert "error: no decision: 1 value is NaN" in ended.output
    assert list(out.glob("*.parquet")) == []


def test_other_forms_are_refused_beside_it(scans: Path, bundle: Path, tmp_path: Path) -> None:
    arguments = ["predict", str(scans), "--bundle", str(bundle), "--out", str(tmp_path / "out")]
    with pytest.raises(ConfigError, match="Parquet parts are written alone: leave --csv out"):
        CliRunner().invoke(app, [*arguments, "--parquet", "--csv"], catch_exceptions=False)
