"""Files from outside: whole and hashed, or not there at all; what arrived is not fetched twice."""

import errno
import hashlib
import multiprocessing
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import WeightsError
from mentor3ad.weights import download
from mentor3ad.weights.download import fetch
from tests.file_server import FileServer

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _content(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.content = CONTENT
    monkeypatch.setattr(download, "CHUNK", 1000)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights" / "file"


def part(target: Path, content: bytes) -> Path:
    """What an interrupted download has left."""
    target.parent.mkdir()
    path = target.with_name("file.part")
    path.write_bytes(content)
    return path


def visible(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path.name[0] != ".")


def test_a_file_is_downloaded_once(server, target):
    assert fetch(server.url, SHA256, target).read_bytes() == CONTENT
    assert fetch(server.url, SHA256, target) == target
    assert server.asked == [""]
    assert visible(target) == ["file"]


def test_an_interrupted_download_goes_on_where_it_was(server, target):
    part(target, CONTENT[:3000])
    assert fetch(server.url, SHA256, target).read_bytes() == CONTENT
    assert server.asked == ["bytes=3000-"]
    assert visible(target) == ["file"]


def test_a_server_without_ranges_starts_again(server, target):
    part(target, CONTENT[:3000])
    server.ranges = False
    assert fetch(server.url, SHA256, target).read_bytes() == CONTENT
    assert server.asked == ["bytes=3000-"]


def test_a_dropped_connection_is_taken_up_within_one_call(server, target):
    server.sends = 4000
    assert fetch(server.url, SHA256, target).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=4000-", "bytes=8000-"]


def test_a_connection_that_brings_nothing_more_ends_and_keeps_what_came(server, target):
    path = part(target, CONTENT[:3000])
    server.sends = 0
    with pytest.raises(WeightsError, match=r"ended early\); 3000 bytes are kept in .*file\.part"):
        fetch(server.url, SHA256, target)
    assert path.read_bytes() == CONTENT[:3000]


def test_without_ranges_a_server_that_always_hangs_up_ends_too(server, target):
    server.ranges, server.sends = False, 4000
    with pytest.raises(WeightsError, match="ended early"):
        fetch(server.url, SHA256, target)
    assert len(server.asked) == 2


def test_a_part_that_is_whole_already_needs_no_more_bytes(server, target):
    part(target, CONTENT)
    assert fetch(server.url, SHA256, target).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("old", [b"x" * 3000, b"x" * 20_000], ids=["shorter", "longer"])
def test_a_part_of_another_file_is_thrown_away(server, target, old):
    part(target, old)
    assert fetch(server.url, SHA256, target).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(old)}-", ""]


def test_a_range_that_starts_elsewhere_is_not_appended(server, target):
    part(target, CONTENT[:3000])
    server.shift = 10
    with pytest.raises(WeightsError, match="another range than asked for"):
        fetch(server.url, SHA256, target)
    assert visible(target) == []


def test_another_content_leaves_nothing_behind(server, target):
    server.content = b"a proxy's login page"
    with pytest.raises(WeightsError, match=r"sent another file \(20 bytes, sha256 .* login page"):
        fetch(server.url, SHA256, target)
    assert visible(target) == []


def test_an_error_of_the_server_keeps_what_came(server, target):
    part(target, CONTENT[:3000])
    server.status = 404
    with pytest.raises(WeightsError, match=rf"{server.url} .*HTTP 404 Not Found.*3000 bytes"):
        fetch(server.url, SHA256, target)
    assert visible(target) == ["file.part"]


def test_no_network_names_the_address(target):
    with socket.socket() as free:  # bound, so that nobody else listens there
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(WeightsError, match=f"{address} could not be downloaded .*refused"):
            fetch(address, SHA256, target)
    assert visible(target) == []


def test_what_answers_no_http_is_named(server, target, monkeypatch):
    monkeypatch.setattr(server.RequestHandlerClass, "protocol_version", "SSH-2.0")
    with pytest.raises(WeightsError, match=r"could not be downloaded \(no valid answer: "):
        fetch(server.url, SHA256, target)


def test_too_little_space_is_known_before_a_byte_is_written(server, target, monkeypatch):
    usage = namedtuple("usage", "free")(1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    wanted = r"weights: no space left \(0 MB more are needed\); .*MENTOR3AD_WEIGHTS"
    with pytest.raises(WeightsError, match=wanted):
        fetch(server.url, SHA256, target)
    assert visible(target) == []


def test_a_disk_that_fills_up_keeps_what_came(server, target, monkeypatch):
    class FullBar:
        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def update(self, n):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "byte_bar", lambda *args: FullBar())
    with pytest.raises(WeightsError, match=r"no space left \(the disk is full\)"):
        fetch(server.url, SHA256, target)
    assert visible(target) == ["file.part"]


def test_a_damaged_file_on_disk_is_refused(target):
    target.parent.mkdir()
    target.write_bytes(b"weight")
    with pytest.raises(WeightsError, match=r"file: sha256 is .* damaged"):
        fetch("http://127.0.0.1:9", SHA256, target)


def test_two_processes_download_once(server, target):
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=fetch, args=(server.url, SHA256, target)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert target.read_bytes() == CONTENT
    assert server.asked == [""]
