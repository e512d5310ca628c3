"""A seal lists an out to the byte; outs that do not fit each other are refused."""

import json
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import CacheError
from mentor3ad.seals.document import read_document, write_document
from mentor3ad.seals.seal import SEAL_FILE, Seal, read_seal, write_seal
from mentor3ad.seals.sealed import Inputs, Sealed, check_chain, open_chain

FILES = {"a.json": b'{"x": 1}', "deep/b.bin": bytes(range(256)), "empty": b""}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write_seal(folder, "scores", "rope", {"features": "0" * 64})
    return folder


def test_reads_what_was_sealed(out: Path) -> None:
    sealed = Sealed.open(out, "scores", "rope")
    assert {name: sealed.read(name) for name in FILES} == FILES
    assert sealed.read_json("a.json") == {"x": 1}
    assert bytes(sealed.map("deep/b.bin")) == FILES["deep/b.bin"]


def test_equal_outs_have_equal_seals(out: Path, tmp_path: Path) -> None:
    before = (out / SEAL_FILE).read_bytes()
    assert write_seal(out, "scores", "rope", {"features": "0" * 64}).digest == read_seal(out).digest
    assert (out / SEAL_FILE).read_bytes() == before


def test_a_seal_within_stands_for_what_it_lists(out: Path) -> None:
    write_seal(out / "deep", "anomaly", "rope", {})
    files = write_seal(out, "votes", "rope", {}).files
    assert sorted(files) == ["a.json", f"deep/{SEAL_FILE}", "empty"]


@pytest.mark.parametrize("name", ["a.json", "deep/b.bin"])
@pytest.mark.parametrize("bit", range(8))
def test_no_flipped_bit_of_a_file_is_read(out: Path, name: str, bit: int) -> None:
    sealed, path = Sealed.open(out, "scores", "rope"), out / name
    for position in range(len(FILES[name])):
        content = bytearray(FILES[name])
        content[position] ^= 1 << bit
        path.write_bytes(content)
        for read in (sealed.read, sealed.map):
            with pytest.raises(CacheError, match=f"{name} is missing or damaged"):
                read(name)


def test_no_flipped_bit_of_the_seal_is_read(out: Path) -> None:
    path = out / SEAL_FILE
    whole = path.read_bytes()
    for position in range(len(whole)):
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        path.write_bytes(content)
        with pytest.raises(CacheError, match="is damaged"):
            read_seal(out)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"version": 2}'])
def test_a_seal_that_is_none(out: Path, content: bytes) -> None:
    (out / SEAL_FILE).write_bytes(content)
    with pytest.raises(CacheError, match=r"seal\.json is damaged") as caught:
        read_seal(out)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["delete", "empty", "longer", "folder"])
def test_a_file_that_is_another(out: Path, change: str) -> None:
    path = out / "a.json"
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change != "delete":
        path.write_bytes(b"" if change == "empty" else FILES["a.json"] + b" ")
    for read in (Sealed.open(out, "scores", "rope").read, Sealed.open(out, "scores", "rope").map):
        with pytest.raises(CacheError, match=r"a\.json is missing or damaged"):
            read("a.json")


def test_a_file_that_is_not_listed(out: Path) -> None:
    (out / "later.json").write_text("{}")
    with pytest.raises(CacheError, match="its seal does not list it"):
        Sealed.open(out, "scores", "rope").read("later.json")


@pytest.mark.parametrize(("kind", "category"), [("features", "rope"), ("scores", "foam")])
def test_an_out_of_others(out: Path, kind: str, category: str) -> None:
    with pytest.raises(CacheError, match="under another's name"):
        Sealed.open(out, kind, category)


def test_an_out_without_a_seal(out: Path) -> None:
    (out / SEAL_FILE).unlink()
    with pytest.raises(CacheError, match=r"has no seal\.json"):
        read_seal(out)


@pytest.mark.parametrize("name", ["../a.json", "/etc/hostname", ""])
def test_a_seal_lists_nothing_outside(out: Path, name: str) -> None:
    mark = read_seal(out).files["a.json"]
    with pytest.raises(ValueError, match="not as it was written"):
        Seal.parse(Seal("scores", "rope", {}, {name: mark}).to_bytes())


# Chains


def made(folder: Path, kind: str, made_from: dict[str, str], content: str = "1") -> Sealed:
    folder.mkdir(exist_ok=True)
    (folder / "x.json").write_text(json.dumps(content))
    write_seal(folder, kind, "rope", made_from)
    return Sealed.open(folder, kind, "rope")


def test_a_chain_that_fits_says_what_comes_from_it(tmp_path: Path) -> None:
    scores = made(tmp_path / "scores", "scores", {"features": "0" * 64})  # which are not here
    votes = made(tmp_path / "votes", "votes", {"scores": scores.seal.digest})
    check_chain([votes, scores])
    inputs = open_chain("rope", {"scores": scores.folder, "votes": votes.folder})
    assert inputs.digests == {"scores": scores.seal.digest, "votes": votes.seal.digest}
    (tmp_path / "eval").mkdir()
    assert inputs.seal(tmp_path / "eval", "eval").made_from == inputs.digests


def test_an_older_out_is_refused_though_it_is_whole(tmp_path: Path) -> None:
    scores = made(tmp_path / "scores", "scores", {})
    votes = made(tmp_path / "votes", "votes", {"scores": scores.seal.digest})
    newer = made(tmp_path / "scores", "scores", {}, content="2")
    with pytest.raises(CacheError, match=r"votes and .*scores do not belong together"):
        check_chain([newer, votes])


def test_outs_of_different_versions_of_what_is_not_here(tmp_path: Path) -> None:
    scores = made(tmp_path / "scores", "scores", {"features": "0" * 64})
    rivals = made(tmp_path / "rivals", "rivals", {"features": "1" * 64})
    with pytest.raises(CacheError, match="different versions of features"):
        check_chain([scores, rivals])


def test_an_out_that_is_made_again_to_the_byte_still_fits(tmp_path: Path) -> None:
    scores = made(tmp_path / "scores", "scores", {})
    votes = made(tmp_path / "votes", "votes", {"scores": scores.seal.digest})
    check_chain([made(tmp_path / "scores", "scores", {}), votes])


# Outs that are one file


CONTENT = {"gaussian": {"bytes": 12, "maps": {"rgb": {"i_auroc": 0.75}}}}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "rope.json"
    write_document(path, "rivals", Inputs("rope", {"features": "0" * 64}), CONTENT)
    return path


def test_a_document_reads_back(document: Path) -> None:
    sealed, content = read_document(document, "rivals", "rope")
    assert (sealed.seal.made_from, content) == ({"features": "0" * 64}, CONTENT)


def test_no_flipped_bit_of_a_document_is_read(document: Path) -> None:
    whole = document.read_bytes()
    for position in range(len(whole)):
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        document.write_bytes(content)
        with pytest.raises(CacheError, match="is damaged"):
            read_document(document, "rivals", "rope")


@pytest.mark.parametrize(("kind", "category"), [("rivals", "foam"), ("scores", "rope")])
def test_a_document_of_others(document: Path, kind: str, category: str) -> None:
    with pytest.raises(CacheError, match="under another's name"):
        read_document(document, kind, category)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[" * 100_000, b'{"seal": {}}'])
def test_a_document_that_is_none(document: Path, content: bytes) -> None:
    document.write_bytes(content)
    with pytest.raises(CacheError, match="is damaged"):
        read_document(document, "rivals", "rope")


def test_a_missing_document(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="does not exist"):
        read_document(tmp_path / "rope.json", "rivals", "rope")
