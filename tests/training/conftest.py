"""A feature space that is fitted to few pixels: to thousands its fit takes seconds a training."""

import pytest


@pytest.fixture(autouse=True)
def small_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mentor3ad.fusion.training.SPACE_PIXELS", 200)
