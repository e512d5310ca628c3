"""The environment that experiments run in."""

import os

import pytest

from mentor3ad.studies.runner import environment


def test_experiments_beside_each_other_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert environment(2)["OMP_NUM_THREADS"] == "4"
    assert environment(16)["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in environment(1)


def test_the_users_own_number_of_threads_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment(2)["OMP_NUM_THREADS"] == "3"
