"""Scans over HTTP: the same bits as from Python, and what is refused and why."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mentor3ad.inspection.found import Inspection
from mentor3ad.inspection.inspector import Inspector
from testbed.clone import CATEGORY
from tests.bundles import sign

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.serving.options import ServiceOptions
from mentor3ad.serving.server import listening

from .conftest import Running, eventually

GOOD = ("good/rgb/000.png", "good/xyz/000.tiff")


@pytest.fixture
def pair(test_scans: Path) -> tuple[Path, Path]:
    return test_scans / GOOD[0], test_scans / GOOD[1]


def test_an_upload_has_the_bits_of_the_inspector(
    shared: Running, inspector: Inspector, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    import tifffile

    expected = inspector.inspect(*pair)
    answer = shared.inspect(*pair)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["score"], found["threshold"]) == (expected.score, expected.threshold)
    assert found["status"] == ("defective" if expected.defective else "good")
    assert found["bundle"] == shared.service.recipes.all()[0].version
    (tmp_path / "map.tiff").write_bytes(shared.client.get(found["maps"]["map"]).content)
    assert (tifffile.imread(tmp_path / "map.tiff") == expected.anomaly_map).all()


def test_paths_below_the_root_are_the_same_scan(shared: Running, pair: tuple[Path, Path]) -> None:
    scan = {"rgb": GOOD[0], "geometry": GOOD[1]}
    named = shared.client.post(f"/inspect/{CATEGORY}", json=scan).json()
    sent = shared.inspect(*pair).json()
    different = {"id", "seq", "time", "source", "seconds", "maps", "name"}
    assert {k: v for k, v in named.items() if k not in different} == {
        k: v for k, v in sent.items() if k not in different
    }


@pytest.mark.parametrize("path", ["/etc/passwd", "../../params.yaml", "good/rgb/gone.png", "a\0b"])
def test_no_path_leads_out_of_the_root(shared: Running, path: str) -> None:
    scan = {"rgb": path, "geometry": GOOD[1]}
    answer = shared.client.post(f"/inspect/{CATEGORY}", json=scan)
    assert answer.status_code == 422
    assert "root" in answer.json()["detail"]


def test_a_batch_answers_each_scan(shared: Running) -> None:
    scans = [{"rgb": GOOD[0], "geometry": GOOD[1], "id": "one"}, {"rgb": "no", "geometry": "no"}]
    answer = shared.client.post(f"/inspect/{CATEGORY}/batch", json={"scans": scans}).json()
    assert [one["code"] for one in answer] == [200, 422]
    assert answer[0]["result"]["id"] == "one"
    too_many = {"scans": scans * 33}
    assert shared.client.post(f"/inspect/{CATEGORY}/batch", json=too_many).status_code == 413


def test_a_bad_scan_is_an_error_with_a_sentence(
    shared: Running, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "000.tiff").write_bytes(b"II*\0")
    answer = shared.inspect(pair[0], tmp_path / "000.tiff")
    assert answer.status_code == 422
    found = answer.json()
    assert (found["status"], found["score"], found["defective"]) == ("error", None, None)
    assert found["error"].startswith("geometry.tiff ")


@pytest.mark.parametrize(
    ("files", "fields", "code", "said"),
    [
        ({}, {"id": "a"}, 422, "send a scan as multipart/form-data"),
        ({"rgb": ("a.png", b"x")}, {}, 422, "geometry is missing"),
        ({"geometry": ("a.exe", b"x")}, {}, 422, "must end in"),
        ({"geometry": ("a.tiff", b"x")}, {}, 422, "rgb is missing"),
        ({"geometry": ("a.tiff", b"x")}, {"id": "../a"}, 422, "the id must be"),
        ({"geometry": ("a.tiff", b"x" * 9_000_000)}, {}, 413, "larger than 8 MB"),
        ({c: (f"{c}.png", b"x") for c in "abc"}, {}, 422, "Too many files"),
    ],
)
def test_a_bad_upload_is_refused(
    shared: Running, files: Any, fields: dict[str, str], code: int, said: str
) -> None:
    answer = shared.client.post(f"/inspect/{CATEGORY}", files=files, data=fields)
    assert answer.status_code == code
    assert said in answer.json()["detail"]
    assert list((shared.service.options.history / "incoming").iterdir()) == []


def test_a_body_without_a_length_is_bounded_too(shared: Running) -> None:
    def chunks() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="geometry"; filename="a.tiff"\r\n\r\n'
        for _ in range(10):
            yield b"x" * 1_000_000

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = shared.client.post(f"/inspect/{CATEGORY}", content=chunks(), headers=kind)
    assert answer.status_code == 413


def test_an_unknown_recipe_names_the_known_ones(shared: Running, pair: tuple[Path, Path]) -> None:
    answer = shared.client.post("/inspect/pump", json={"rgb": "a", "geometry": "b"})
    assert answer.status_code == 404
    assert CATEGORY in answer.json()["detail"]


def test_the_description_has_the_results_model(shared: Running) -> None:
    described = shared.client.get("/openapi.json").json()
    assert "score" in described["components"]["schemas"]["ScanResult"]["properties"]
    body = described["paths"]["/inspect/{recipe}"]["post"]["requestBody"]["content"]
    assert body.keys() == {"application/json", "multipart/form-data"}


def test_metrics_are_prometheus(shared: Running, pair: tuple[Path, Path]) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    shared.inspect(*pair)
    text = shared.client.get("/metrics").text
    found = {s.name: s for f in text_string_to_metric_families(text) for s in f.samples}
    assert found["mentor3ad_results_total"].value >= 1
    assert found["mentor3ad_request_seconds_count"].value >= 1
    assert found["mentor3ad_queue_length"].value == 0
    assert found["mentor3ad_alive"].value == 1
    version = shared.service.recipes.all()[0].version
    assert found["mentor3ad_model"].labels == {"recipe": CATEGORY, "version": version}


# Who may ask


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a --token"):
        ServiceOptions(tmp_path, host="0.0.0.0").check()
    with pytest.raises(ConfigError, match="less than 16 characters"):
        ServiceOptions(tmp_path, token="short").check()
    ServiceOptions(tmp_path, host="0.0.0.0", token="0123456789abcdef").check()


def test_a_token_is_asked_for(start: Callable[..., Running]) -> None:
    one = start(token="0123456789abcdef")
    assert one.client.get("/healthz").status_code == 200
    assert one.client.get("/metrics").status_code == 401
    for token, code in (("0123456789abcdeg", 401), ("0123456789abcdef", 200)):
        shown = {"Authorization": f"Bearer {token}"}
        assert one.client.get("/metrics", headers=shown).status_code == code


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_a_page_of_another_site_may_not_use_it(shared: Running, header: dict[str, str]) -> None:
    assert shared.client.get("/metrics", headers=header).status_code == 403


def test_an_address_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(ConfigError, match="cannot be listened at"),
            listening("127.0.0.1", taken.getsockname()[1]),
        ):
            pass


# Too many, too slow


class Gate:
    """Holds every inspection until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.entered = threading.Event(), threading.Event()
        inspect = Inspector.inspect_scan

        def held(inspector: Inspector, scan: Any) -> Inspection:
            self.entered.set()
            assert self.open.wait(30)
            return inspect(inspector, scan)

        monkeypatch.setattr(Inspector, "inspect_scan", held)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def test_a_full_queue_says_when_to_come_again(
    start: Callable[..., Running], gate: Gate, pair: tuple[Path, Path]
) -> None:
    one = start(queue=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(one.inspect, *pair)
        assert gate.entered.wait(20)
        second = pool.submit(one.inspect, *pair)
        eventually(lambda: one.service.worker.waiting == 1)
        third = one.inspect(*pair)
        assert third.status_code == 503
        assert int(third.headers["Retry-After"]) >= 1
        gate.open.set()
        assert [f.result().status_code for f in (first, second)] == [200, 200]


def test_a_deadline_is_answered_and_the_result_kept(
    start: Callable[..., Running], gate: Gate, pair: tuple[Path, Path]
) -> None:
    one = start(deadline_s=0.3)
    assert one.inspect(*pair, id="slow").status_code == 504
    gate.open.set()
    eventually(lambda: one.service.history.by_id("slow"))
    assert one.inspect(*pair, id="slow").json()["id"] == "slow"
    assert one.service.history.latest == 1


def test_one_id_is_inspected_once(
    start: Callable[..., Running], gate: Gate, pair: tuple[Path, Path], test_scans: Path
) -> None:
    one = start()
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(one.inspect, *pair, id="a") for _ in range(3)]
        assert gate.entered.wait(20)
        time.sleep(0.2)
        gate.open.set()
        answers = [f.result().json() for f in asked]
    assert answers[0] == answers[1] == answers[2] == one.inspect(*pair, id="a").json()
    assert one.service.history.latest == 1
    other = test_scans / "good/rgb/001.png", test_scans / "good/xyz/001.tiff"
    assert one.inspect(*other, id="a").status_code == 409


# Bundles


def with_threshold(bundle: Path, copy: Path, threshold: float) -> Path:
    shutil.copytree(bundle, copy)
    voting = json.loads((copy / "voting.json").read_text()) | {"threshold": threshold}
    (copy / "voting.json").write_text(json.dumps(voting))
    sign(copy)
    return copy


def test_a_replaced_bundle_is_loaded_and_a_bad_one_is_not(
    start: Callable[..., Running], bundle: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    models = tmp_path / "models"
    home = models / CATEGORY
    with_threshold(bundle, home, 1e6)
    one = start(places=[models])
    before = one.inspect(*pair).json()
    assert before["threshold"] == 1e6
    new = with_threshold(bundle, tmp_path / "new", 0.0)
    home.rename(tmp_path / "old")
    new.rename(home)
    eventually(lambda: one.service.recipes.all()[0].version != before["bundle"])
    after = one.inspect(*pair).json()
    assert (after["status"], after["threshold"]) == ("defective", 0.0)
    (home / "bundle.json").write_text("{}")
    eventually(lambda: one.service.recipes.problems)
    assert one.inspect(*pair).json()["bundle"] == after["bundle"]
    assert "damaged" in one.client.get("/readyz").json()["problems"][0]
