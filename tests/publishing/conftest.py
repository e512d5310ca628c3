"""A whole store to compare with."""

import pytest

from tests.small_stores import digest, write


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return digest(write(tmp_path_factory.mktemp("expected") / "out.zarr"))
