"""The console script as a process: fast, one sentence for a mistake."""

import subprocess
import sys
from pathlib import Path

from mentor3ad import __version__
from tests.paths import ROOT

HEAVY = {"torch", "timm", "numpy", "pydantic", "ruamel", "zarr", "huggingface_hub", "scipy", "PIL"}
MAIN = "from mentor3ad.cli.main import main\n"


def python(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{MAIN}{code}"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def mentor3ad(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "main()", *arguments)


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """`mentor3ad --help` reads every command's module: none may import at its top what works."""
    code = (
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('modules', *{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = python(tmp_path, code, "--help")
    assert done.stderr == ""
    *_, last = done.stdout.splitlines()
    assert last.startswith("modules ")
    assert set(last.split()) & HEAVY == set()


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert mentor3ad(tmp_path, "--version").stdout == f"mentor3ad {__version__}\n"


def test_a_mistake_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    done = mentor3ad(tmp_path, "use", "demo")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: params.yaml is missing; run from the folder that holds it\n"


def test_an_unknown_command_is_exit_code_2(tmp_path: Path) -> None:
    done = mentor3ad(tmp_path, "predikt")
    assert done.returncode == 2
    assert "predikt" in done.stderr
