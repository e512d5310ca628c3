"""`mentor3ad weights`: the table, and what is fetched or imported."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mentor3ad.cli.main import app
from mentor3ad.params.presets.choose import use_preset
from mentor3ad.plumbing.errors import WeightsError
from mentor3ad.weights import pretrained, sources
from tests.paths import ROOT

SHIPPED = (ROOT / "params.yaml").read_bytes()


@pytest.fixture(autouse=True)
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights_home: Path) -> Path:
    """A params.yaml in the current folder, and no weights of this machine's."""
    path = tmp_path / "params.yaml"
    path.write_bytes(SHIPPED)
    monkeypatch.chdir(tmp_path)
    return path


def weights(*arguments: str) -> Result:
    done = CliRunner().invoke(app, ["weights", *arguments])
    if isinstance(done.exception, WeightsError):
        return done
    assert done.exit_code == 0
    return done


def rows(done: Result) -> list[list[str]]:
    lines = done.stdout.splitlines()[2:]
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in lines]


def keep(source: sources.Source) -> None:
    source.kept.parent.mkdir(exist_ok=True)
    source.kept.write_bytes(b"w" * 1_500_000)
    sources.record_sha256(source.kept)


def test_the_demo_needs_none() -> None:
    assert rows(weights()) == [
        ["DINO ViT-B/8", "features.rgb.weights", "random", "none needed"],
        ["Point-MAE", "features.points.weights", "random", "none needed"],
    ]


def test_what_is_here_and_what_is_not_is_in_the_table() -> None:
    use_preset("mvtec3d")
    keep(sources.DINO)
    done = weights()
    first, second = rows(done)
    assert first[2:] == ["pretrained", str(sources.DINO.kept), "1.5 MB", "ok"]
    assert second[2:] == ["pretrained", str(sources.POINT_MAE.kept), "missing"]
    assert str(done.exception).startswith(
        "features.points.weights = pretrained, but Point-MAE is not here: run `mentor3ad weights "
        f"fetch` where there is a network; else get {sources.POINT_MAE.url} on another machine"
    )


def test_fetch_gets_only_what_the_params_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(pretrained, "pretrained_image", lambda source: asked.append("rgb"))
    monkeypatch.setattr(pretrained, "pretrained_point_mae", lambda: asked.append("points"))
    weights("fetch")
    assert asked == []
    use_preset("mvtec3d")
    keep(sources.DINO)
    keep(sources.POINT_MAE)
    assert [row[-1] for row in rows(weights("fetch"))] == ["ok", "ok"]
    assert asked == ["rgb", "points"]


@pytest.mark.parametrize(
    ("options", "backbone"), [([], None), (["--as", "rgb"], "rgb"), (["--as", "points"], "points")]
)
def test_import_passes_the_file_and_the_backbone(
    monkeypatch: pytest.MonkeyPatch, options: list[str], backbone: str | None
) -> None:
    def taken(file: Path, backbone: str | None) -> Path:
        return Path(f"/kept/{file}-{backbone}")

    monkeypatch.setattr(pretrained, "import_weights", taken)
    assert weights("import", "a.pth", *options).stdout == f"kept as /kept/a.pth-{backbone}\n"
