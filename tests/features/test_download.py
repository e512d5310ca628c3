"""Files from outside: whole and hashed, or not there at all."""

import hashlib
import io
import urllib.error
import urllib.request

import pytest

from pipeline.errors import WeightsError
from pipeline.features.download import fetch

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    """Answers every download with what it is given, or raises it."""

    def answer(reply: bytes | Exception) -> None:
        def urlopen(url, timeout):
            if isinstance(reply, Exception):
                raise reply
            return io.BytesIO(reply)

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)

    return answer


def test_a_file_is_downloaded_once(server, tmp_path):
    target = tmp_path / "new" / "file"
    server(CONTENT)
    assert fetch("https://x/file", SHA256, target).read_bytes() == CONTENT
    server(AssertionError("asked twice"))
    assert fetch("https://x/file", SHA256, target) == target


def test_another_content_leaves_nothing_behind(server, tmp_path):
    server(b"a proxy's login page")
    with pytest.raises(WeightsError, match="sha256"):
        fetch("https://x/file", SHA256, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_no_network_names_the_address_and_the_place(server, tmp_path):
    server(urllib.error.URLError("unreachable"))
    with pytest.raises(WeightsError, match=rf"https://x/file .*unreachable.* put it at {tmp_path}"):
        fetch("https://x/file", SHA256, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_on_disk_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"weight")
    with pytest.raises(WeightsError, match=r"file: sha256 is .* damaged"):
        fetch("https://x/file", SHA256, tmp_path / "file")
