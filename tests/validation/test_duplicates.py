"""Content that is there twice: found wherever it is, told as what it is, and never made up."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.dataset.scan import SPLITS, ScanFiles, Split
from mentor3ad.validation.duplicates import find_duplicates
from mentor3ad.validation.scan import CheckedScan


def scan(name: str, split: Split, image: str | None, geometry: str | None) -> CheckedScan:
    rgb, points = Path(f"{name}.png"), Path(f"{name}.tiff")
    files = ScanFiles(name, split, "good", 0, rgb, points, None)
    return CheckedScan(files, image, geometry, None, ())


def found(*scans: CheckedScan) -> list[tuple[str, str]]:
    return [(problem.kind, problem.path.name) for problem in find_duplicates(scans)]


def test_a_scan_in_training_and_test_is_a_leak() -> None:
    one, two = scan("a", "train", "i", "g"), scan("b", "test", "i", "g")
    [problem] = find_duplicates([one, two])
    assert (problem.kind, problem.path) == ("leak", Path("b.png"))
    assert problem.message == (
        "b.png in the test has the same image and geometry as a.png in train: remove one of them, "
        "or the test rates what the model has seen."
    )


def test_a_scan_in_validation_and_test_is_a_leak() -> None:
    assert found(scan("a", "validation", "i", "g"), scan("b", "test", "i", "g")) == [
        ("leak", "b.png")
    ]


def test_an_image_or_a_geometry_alone_leaks_too() -> None:
    train = scan("a", "train", "i", "g")
    assert found(train, scan("b", "test", "i", "other")) == [("leak", "b.png")]
    assert found(train, scan("b", "test", "other", "g")) == [("leak", "b.tiff")]


def test_inside_a_split_it_is_a_duplicate() -> None:
    for split in ("train", "test"):
        scans = [scan(name, split, "i", "g") for name in "abc"]
        assert found(*scans) == [("duplicate", "b.png"), ("duplicate", "c.png")]


def test_training_and_validation_share_a_duplicate() -> None:
    assert found(scan("a", "train", "i", "g"), scan("b", "validation", "i", "g")) == [
        ("duplicate", "b.png")
    ]


def test_an_image_is_no_second_problem_of_whole_duplicates() -> None:
    scans = scan("a", "train", "i", "g"), scan("b", "train", "i", "g"), scan("c", "test", "i", "h")
    assert found(*scans) == [("duplicate", "b.png"), ("leak", "c.png")]


def test_scans_that_could_not_be_read_are_not_alike() -> None:
    assert found(scan("a", "train", None, None), scan("b", "test", None, None)) == []


letters = st.sampled_from("xyz")
rows = st.lists(st.tuples(st.sampled_from(SPLITS), letters, letters), max_size=8)
any_scans = rows.map(
    lambda rows: [
        scan(str(i), *row)
        for i, row in enumerate(sorted(rows, key=lambda row: SPLITS.index(row[0])))
    ]
)


@given(scans=any_scans)
def test_a_test_scan_leaks_just_where_what_is_learned_shares_its_content(
    scans: list[CheckedScan],
) -> None:
    learned = [s for s in scans if s.files.split != "test"]
    shared = {
        s.files.id
        for s in scans
        if s.files.split == "test"
        and any(s.image == other.image or s.geometry == other.geometry for other in learned)
    }
    leaks = {p.path.stem for p in find_duplicates(scans) if p.kind == "leak"}
    assert leaks == shared
