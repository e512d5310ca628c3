"""Choosing, running and keeping measurements."""

import json
from importlib import import_module

import pytest
import torch

from bench import run
from bench.catalogue import CATALOGUE, Measurement
from bench.figures import Row, Unavailable, exponent, seconds_of
from bench.limits import Product
from bench.machine import slug
from bench.table import END, START
from mentor3ad.plumbing.errors import ConfigError


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_measurement_is_a_function(name):
    module, _, function = CATALOGUE[name].place.partition(":")
    assert callable(getattr(import_module(module), function))


def test_named_ones_run_in_the_catalogues_order():
    assert run.choose(["train", "limits"]) == ["limits", "train"]
    assert "codecs" not in run.choose([])
    assert run.choose(["codecs"]) == ["codecs"]


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigError, match="no measurement 'trian'"):
        run.choose(["trian"])


def fine(bench):
    return [Row("one", {"seconds": 1.5, "sizes": [1, 2]})]


def broken(bench):
    raise RuntimeError("no luck")


def lacking(bench):
    raise Unavailable("needs a thing")


@pytest.fixture
def result(monkeypatch):
    made_up = {
        "fine": Measurement("a fine one", f"{__name__}:fine"),
        "lacking": Measurement("one that lacks a thing", f"{__name__}:lacking"),
        "broken": Measurement("one that fails", f"{__name__}:broken"),
    }
    monkeypatch.setattr(run, "CATALOGUE", made_up)
    told: list[str] = []
    return run.measure(run.Options(), told.append), told


def test_a_result_names_machine_params_and_rows(result):
    content, told = result
    assert content["results"]["fine"]["rows"] == [{"what": "one", "seconds": 1.5, "sizes": [1, 2]}]
    assert content["results"]["lacking"]["left_out"] == "Left out: needs a thing."
    assert {"schema", "machine", "commit", "params", "settings"} <= set(content)
    assert [text.splitlines()[0] for text in told] == [
        "### fine: a fine one",
        "### lacking: one that lacks a thing",
        "### broken: one that fails",
    ]


def test_a_failure_loses_no_other_measurement(result):
    content, told = result
    assert run.failures(content) == ["broken"]
    assert "Failed: no luck" in told[-1]


def test_a_record_is_json_tables_and_the_page(result, tmp_path, monkeypatch):
    content, _ = result
    page = tmp_path / "page.md"
    page.write_text(f"above\n{START}\n{END}\nbelow\n")
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(run, "PAGE", page)
    data, tables, _ = run.record(content)
    assert data.name == f"{slug(content['machine'])}.json"
    assert json.loads(data.read_text())["results"] == content["results"]
    assert "| one | 1.5 | 1, 2 |" in tables.read_text()
    assert "| one | 1.5 | 1, 2 |" in page.read_text()


def test_a_result_names_no_place(result):
    content, _ = result
    assert str(run.ROOT) not in run.as_json(content)


def test_the_slug_of_a_machine():
    assert slug({"gpu": None, "cpu": "AMD EPYC (Zen 4)", "cores": 2}) == "amd-epyc-zen-4-2-cores"


def test_the_exponent_of_a_power_law():
    sizes = [10, 100, 1000]
    assert exponent(sizes, [3e-3 * n**1.5 for n in sizes]) == pytest.approx(1.5)


def test_warm_up_runs_do_not_count(monkeypatch):
    clock = iter([0, 100, 200, 201, 300, 303, 400, 402])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert seconds_of(lambda: None, runs=3) == 2


def heavy(bench):
    return [Row("step", {"gflop_per_s": 80.0, "dtype": "float32", "share_of_limit": 0.8})]


def test_shares_are_set_against_the_better_of_two_looks(monkeypatch):
    threads = torch.get_num_threads()
    made_up = {
        "limits": Measurement("limits", "bench.machine:limits"),
        "heavy": Measurement("a heavy one", f"{__name__}:heavy"),
    }
    monkeypatch.setattr(run, "CATALOGUE", made_up)
    looks = iter([100e9, 160e9])

    def products(shapes, device):
        rate = next(looks)
        return [(("float32", threads), Product(rate))]

    monkeypatch.setattr("bench.limits._products", products)
    monkeypatch.setattr("bench.limits.copy_rate", lambda size, device: 1e10)
    monkeypatch.setattr("bench.limits.disk_rates", lambda path, size: (1e8, 1e8))
    results = run.measure(run.Options(), lambda text: None)["results"]
    assert results["heavy"]["rows"][0]["share_of_limit"] == 0.5
    assert results["limits"]["rows"][0]["gflop_per_s"] == 160
