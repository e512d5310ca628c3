"""The page of `dvc plots show` has its scripts inside."""

import builtins
from typing import Any

import pytest
from dvc_render.html import HTML

from mentor3ad.cli.offline_plots import plots_template, vega_bundle
from mentor3ad.plumbing.errors import ConfigError


def test_dvc_fills_it_without_an_address() -> None:
    page = HTML(template=plots_template("window.vegaEmbed = () => 1;"))
    page.with_scripts('<script src="https://cdn.example/vega"></script>').with_element("<p>x</p>")
    text = page.embed()
    assert "<p>x</p>" in text
    assert "vegaEmbed" in text
    assert "https://" not in text


def test_a_bundle_cannot_end_its_script() -> None:
    assert plots_template("'</script>'").count("</script") == 1


def test_without_the_extra_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "vl_convert":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match="make plots"):
        vega_bundle()
