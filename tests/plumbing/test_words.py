import pytest

from mentor3ad.plumbing.words import are, counted, has, nouns


@pytest.mark.parametrize(("count", "said"), [(0, "0 scans"), (1, "1 scan"), (2, "2 scans")])
def test_only_one_is_singular(count: int, said: str) -> None:
    assert counted(count, "scan") == said
    assert (nouns(count, "scan"), has(count), are(count)) == (
        ("scan", "has", "is") if count == 1 else ("scans", "have", "are")
    )
