"""Writes a page for `dvc plots show` that has Vega in it; DVC's own loads it from the network.

python -m mentor3ad.cli.offline_plots .dvc/plots/offline.html
"""

import sys
from pathlib import Path

from ..plumbing.errors import ConfigError, one_sentence

VEGA_LITE = "5.20"  # what DVC's own page loads and our templates are written for
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Mentor3AD plots</title>
{refresh_tag}
<script>%s</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def plots_template(bundle: str) -> str:
    """DVC's HTML template, with a bundle of Vega, Vega-Lite and Vega-Embed in it.

    It leaves out DVC's `{scripts}`, which are the addresses of these three.
    """
    return PAGE.replace("%s", bundle.replace("</script", "<\\/script"))


def vega_bundle() -> str:
    """The scripts as they come in vl-convert-python. Raises ConfigError without it."""
    try:
        import vl_convert
    except ImportError:
        raise ConfigError("vl-convert-python is not installed: run `make plots`") from None
    return str(vl_convert.javascript_bundle(vl_version=VEGA_LITE))


if __name__ == "__main__":
    with one_sentence():
        Path(sys.argv[1]).write_text(plots_template(vega_bundle()), encoding="utf-8")
