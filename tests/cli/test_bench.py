"""`mentor3ad bench` as a process."""

from pathlib import Path

import pytest

from bench.catalogue import CATALOGUE
from mentor3ad.cli import bench
from mentor3ad.plumbing.errors import ConfigError
from tests.cli.test_main import HEAVY, mentor3ad, python


def test_the_list_has_every_measurement_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "try:\n    main()\nexcept SystemExit:\n    print('modules', *sys.modules)\n"
    done = python(tmp_path, code, "bench", "--list")
    assert done.stderr == ""
    *listed, last = done.stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(CATALOGUE)
    assert {name.partition(".")[0] for name in last.split()} & (
        HEAVY - {"numpy", "pydantic"}
    ) == set()


def test_an_unknown_measurement_is_one_sentence(tmp_path: Path) -> None:
    done = mentor3ad(tmp_path, "bench", "trian")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "error: no measurement 'trian'; `mentor3ad bench --list` shows them all"
    ]


@pytest.mark.parametrize("part", ["--quick", "limits"])
def test_a_part_of_a_run_is_not_kept(tmp_path: Path, part: str) -> None:
    done = mentor3ad(tmp_path, "bench", part, "--record")
    assert done.stderr == ("error: --record keeps a full run: leave --quick and the names out\n")


def test_an_installed_package_says_that_it_needs_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "CHECKOUT", tmp_path)
    with pytest.raises(ConfigError, match="needs a checkout of the repository"):
        bench.find_benchmarks()
