"""`mentor3ad predict` and `mentor3ad bundle`: lines, files, exit codes, and a station's process."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.plumbing.errors import ConfigError, DataError, Mentor3ADError
from testbed.clone import CATEGORY, digest
from tests.bundles import sign
from tests.paths import ROOT

GOOD, ERROR, DEFECTIVE, NOT_INSPECTED = 0, 1, 3, 4


@pytest.fixture
def lenient(bundle: Path, tmp_path: Path) -> Path:
    """The bundle with a threshold that no part reaches."""
    return with_threshold(bundle, tmp_path / "lenient", 1e6)


@pytest.fixture
def strict(bundle: Path, tmp_path: Path) -> Path:
    return with_threshold(bundle, tmp_path / "strict", 0.0)


def with_threshold(bundle: Path, copy: Path, threshold: float) -> Path:
    shutil.copytree(bundle, copy)
    voting = json.loads((copy / "voting.json").read_text()) | {"threshold": threshold}
    (copy / "voting.json").write_text(json.dumps(voting))
    sign(copy)
    return copy


@pytest.fixture(autouse=True)
def no_log_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What --log-json sets goes with the test."""
    monkeypatch.setenv("MENTOR3AD_LOG", "text")


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


def predict(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    done = invoke("predict", "--device", "cpu", *arguments)
    return done.exit_code, [json.loads(text) for text in done.stdout.splitlines()]


def pair_of(folder: Path, stem: str) -> str:
    return f"{folder}/rgb/{stem}.png,{folder}/xyz/{stem}.tiff"


def test_the_exit_code_tells_good_from_defective(
    lenient: Path, strict: Path, test_scans: Path
) -> None:
    scan = pair_of(test_scans / "good", "000")
    code, lines = predict(scan, "--bundle", lenient)
    assert (code, lines[0]["id"], lines[0]["defective"]) == (GOOD, "000", False)
    code, lines = predict(scan, "--bundle", strict)
    assert (code, lines[0]["defective"], lines[0]["threshold"]) == (DEFECTIVE, True, 0.0)


def test_a_scan_that_cannot_be_inspected_is_reported_and_passed(
    lenient: Path, strict: Path, test_scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "scans"
    shutil.copytree(test_scans / "good", folder)
    (folder / "xyz/000.tiff").write_bytes(b"II*\0")
    (folder / "rgb/zzz.png").write_bytes(b"half")
    code, lines = predict(folder, "--bundle", lenient)
    assert code == NOT_INSPECTED
    by_id = {one["id"]: one for one in lines}
    assert by_id.keys() == {"000", "001", "zzz"}
    assert "000.tiff" in by_id["000"]["error"]
    assert "zzz.png has no geometry" in by_id["zzz"]["error"]
    assert by_id["001"]["defective"] is False
    assert predict(folder, "--bundle", strict)[0] == DEFECTIVE


def test_out_gets_the_lines_and_the_pictures(
    bundle: Path, test_scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    _, lines = predict(
        *(test_scans / "good", "--bundle", bundle, "--category", CATEGORY),
        *("--out", out, "--heatmap", "--map", "--ply"),
    )
    kept = [json.loads(text) for text in (out / "predictions.jsonl").read_text().splitlines()]
    assert kept == lines
    files = [f"{kind}/{n}" for kind in ("heatmap", "map", "ply") for n in ("000", "001")]
    assert sorted(name.rpartition(".")[0] for name in digest(out)) == sorted(
        [*files, "predictions"]
    )


def test_a_batch_is_for_a_gpu(lenient: Path, test_scans: Path) -> None:
    """The CPU takes scans one by one, and its lines stay the same."""
    alone, batched = (
        predict(test_scans / "good", "--bundle", lenient, *more)[1] for more in ([], ["--batch", 2])
    )
    assert [one["score"] for one in batched] == [one["score"] for one in alone]
    assert invoke("predict", ".", "--batch", 0).exit_code == 2


def test_predict_hands_the_batch_on(
    lenient: Path, test_scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mentor3ad.inspection.inspector import Inspector

    given = []

    def inspect_batch(self: Inspector, scans: list[object], batch: int | None) -> Iterator[object]:
        given.append(batch)
        return iter([DataError("not inspected")] * len(scans))

    monkeypatch.setattr(Inspector, "inspect_batch", inspect_batch)
    for more in ([], ["--batch", 2]):
        predict(test_scans / "good", "--bundle", lenient, *more)
    assert given == [None, 2]


def test_csv(lenient: Path, test_scans: Path, tmp_path: Path) -> None:
    done = invoke("predict", test_scans / "good", "--bundle", lenient, "--csv", "--out", tmp_path)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["id"] for row in rows] == ["000", "001"]
    assert [row["defective"] for row in rows] == ["false", "false"]
    assert (tmp_path / "predictions.csv").read_text() == done.stdout


def test_a_project_is_the_current_folder(
    project: Path, test_scans: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(project)
    code, lines = predict(pair_of(test_scans / "good", "000"), "--category", CATEGORY)
    evaluated = json.loads((project / "data/eval" / CATEGORY / "metrics.json").read_text())
    expected = {one["id"]: one for one in evaluated["scans"]}["test/good/000"]
    assert (lines[0]["score"], lines[0]["defective"]) == (expected["score"], expected["defective"])
    assert code == (DEFECTIVE if expected["defective"] else GOOD)
    done = invoke("bundle", "--category", CATEGORY, "--out", tmp_path / "b")
    assert done.stdout.startswith(f"{tmp_path / 'b'}: {CATEGORY}, ")
    assert (tmp_path / "b/bundle.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (["gone"], ConfigError, "gone is neither a folder of scans nor a scan"),
        ([".", "--heatmap"], ConfigError, "--heatmap needs --out"),
        ([".", "--watch"], ConfigError, "--watch needs --out"),
        (["a,b", "--watch", "--out", "o"], ConfigError, "--watch needs one folder"),
        ([".", "--watch", "--out", "o", "--batch", "2"], ConfigError, "leave --batch out"),
        (["scans", "--out", "scans/out"], ConfigError, "lies in scans, among the scans"),
        (["scans", "--watch", "--out", "scans/out"], ConfigError, "among the scans"),
        (["empty"], DataError, "empty: there is no scan to inspect"),
        (["scans", "scans/rgb/000.png,x"], DataError, "two scans are called 000"),
    ],
)
def test_a_mistake_is_one_sentence(
    bundle: Path,
    test_scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    kind: type[Mentor3ADError],
    said: str,
) -> None:
    (tmp_path / "scans").symlink_to(test_scans / "good")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind) as caught:
        predict(*arguments, "--bundle", bundle)
    assert said in str(caught.value)
    assert not (test_scans / "good/out").exists()


# A station's process


@contextmanager
def station(bundle: Path, folder: Path, out: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mentor3ad.cli", "predict", str(folder), "--watch"]
    options = ["--bundle", str(bundle), "--out", str(out), "--interval", "0.05", "--device", "cpu"]
    with subprocess.Popen(
        [*command, *options, *more],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def lines_of(out: Path) -> list[dict[str, Any]]:
    path = out / "predictions.jsonl"
    if not path.exists():
        return []
    return [json.loads(text) for text in path.read_text().splitlines()]


def wait(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def drop(source: Path, stem: str, folder: Path, name: str) -> None:
    for sub, suffix in (("rgb", "png"), ("xyz", "tiff")):
        (folder / sub).mkdir(parents=True, exist_ok=True)
        shutil.copy(source / sub / f"{stem}.{suffix}", folder / sub / f"{name}.{suffix}")


def test_a_station_survives_kills_and_handles_each_scan_once(
    lenient: Path, test_scans: Path, tmp_path: Path
) -> None:
    folder, out, good = tmp_path / "in", tmp_path / "out", test_scans / "good"
    drop(good, "000", folder, "first")
    with station(lenient, folder, out, "--map") as process:
        wait(lambda: len(lines_of(out)) == 1, process)
        (folder / "xyz/bad.tiff").write_bytes(b"no geometry")
        shutil.copy(good / "rgb/001.png", folder / "rgb/bad.png")
        wait(lambda: len(lines_of(out)) == 2, process)
        process.send_signal(signal.SIGKILL)
    with (out / "predictions.jsonl").open("a") as file:
        file.write('{"id": "cut off')
    drop(good, "001", folder, "second")
    with station(lenient, folder, out, "--map") as process:
        wait(lambda: '"second"' in (out / "predictions.jsonl").read_text(), process)
        process.send_signal(signal.SIGTERM)
        printed, said = process.communicate()
    assert process.returncode == 0, said
    assert said.endswith(watch_end(folder, scans=1))
    lines = lines_of(out)
    assert [one["id"] for one in lines] == ["first", "bad", "second"]
    assert [one.get("defective") for one in lines] == [False, None, False]
    assert "bad.tiff" in lines[1]["error"]
    assert [json.loads(text)["id"] for text in printed.splitlines()] == ["second"]
    assert sorted(path.name for path in (out / "map").iterdir()) == ["first.tiff", "second.tiff"]


def test_a_station_ends_cleanly(bundle: Path, tmp_path: Path) -> None:
    """At Ctrl-C too; the test above ends one with SIGTERM."""
    (tmp_path / "in").mkdir()
    with station(bundle, tmp_path / "in", tmp_path / "out") as process:
        assert process.stderr is not None
        start = f"watch: category {CATEGORY}, folder {tmp_path / 'in'}, known 0, warm_up_seconds "
        assert process.stderr.readline().startswith(start)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate()
    assert said == watch_end(tmp_path / "in", scans=0)
    assert (process.returncode, printed) == (0, "")


def watch_end(folder: Path, scans: int) -> str:
    """The last line of a station that found so many scans, all of them good."""
    counts = f"scans {scans}, defective 0, unlike 0, errors 0"
    return f"watch_end: category {CATEGORY}, folder {folder}, {counts}\n"


def test_json_logs_have_a_line_a_run(lenient: Path, test_scans: Path) -> None:
    scan = pair_of(test_scans / "good", "000")
    done = invoke("--log-json", "predict", scan, "--bundle", lenient, "--device", "cpu")
    event = json.loads(done.stderr)
    figures = {key: event[key] for key in ("event", "category", "scans", "defective", "errors")}
    assert figures == {
        "event": "predict",
        "category": CATEGORY,
        "scans": 1,
        "defective": 0,
        "errors": 0,
    }
    assert len(done.stdout.splitlines()) == 1
