"""`mentor3ad new`: a project in a folder of its own, with git and DVC set up."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from os import environ
from pathlib import Path

from ..params.presets.choose import set_values, use_preset
from ..params.schema import PARAMS_FILE, Params, parse_params
from ..plumbing.errors import ConfigError
from ..plumbing.files import write_whole
from ..plumbing.version import __version__
from .code import code_sha256
from .record import Record, save_record
from .shipped import (
    hash_file,
    listed_code,
    managed_files,
    own_files,
    shipped_text,
    text_sha256,
)


def create_project(
    folder: Path,
    preset: str | None = None,
    root: Path | None = None,
    categories: Sequence[str] = (),
    values: Mapping[str, str] | None = None,
) -> None:
    """Make a project that is ready for `dvc repro`; it appears whole or not at all.

    Args:
        folder: where; it must be new or empty.
        preset, root, categories: see `use_preset`; without a preset the demo's params stay.
        values: YAML text of params that are set after that.

    Raises:
        ConfigError: the folder holds something or cannot be written, git or DVC is missing or
            fails, or there is no such preset or data, or the params would not be valid.
    """
    _check_tools()
    with _cleared_on_error(folder):
        own, managed = own_files(), managed_files()
        write_whole(folder / PARAMS_FILE, own.pop(str(PARAMS_FILE)))
        if preset is not None:
            use_preset(preset, root, categories, folder / PARAMS_FILE)
        if values:
            set_values(values, folder / PARAMS_FILE)
        _init(folder)
        for name, text in {**own, **managed}.items():
            write_whole(folder / name, text)
        write_code(folder, installed_code(managed["dvc.yaml"]))
        save_record(folder, release_record(managed))
        _run(["git", "add", "--all"], folder)


def installed_code(dag: str) -> dict[str, str]:
    """Return the hash of each part of the installed code that a project's dvc.yaml lists."""
    return {name: code_sha256(name) or "" for name in listed_code(dag)}


def write_code(folder: Path, code: dict[str, str]) -> None:
    for name, sha256 in code.items():
        write_whole(folder / hash_file(name), f"{sha256}\n")


def release_record(managed: dict[str, str]) -> Record:
    """Return the record of a project that has these files of the installed release."""
    files = {name: text_sha256(text) for name, text in managed.items()}
    return Record(release=__version__, files=files, params=text_sha256(shipped_text("params.yaml")))


def shipped_params() -> Params:
    """Return the params of a project that nobody has changed."""
    return parse_params(shipped_text(str(PARAMS_FILE)), PARAMS_FILE)


def _check_tools() -> None:
    if shutil.which("git") is None:
        raise ConfigError(
            "git is missing, and DVC keeps its records in git: install git and run this again"
        )
    if find_spec("dvc") is None:
        raise ConfigError("dvc is missing: run `pip install dvc` and run this again")


@contextmanager
def _cleared_on_error(folder: Path) -> Iterator[None]:
    """Make the folder, and leave it as it was where the block raises."""
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        held = any(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made or read ({error.strerror})") from None
    if held:
        raise ConfigError(f"{folder} is not empty: name a folder that is new or empty")
    try:
        yield
    except BaseException as error:
        for path in folder.iterdir():  # all of it is ours, for the folder was empty
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in missing:
            path.rmdir()
        if isinstance(error, OSError):
            raise ConfigError(f"{folder} cannot be written ({error.strerror})") from None
        raise


def _init(folder: Path) -> None:
    _run(["git", "init", "--quiet"], folder)
    _run([sys.executable, "-m", "dvc", "init", "--quiet"], folder)


def _run(command: list[str], folder: Path) -> None:
    variables = environ | {"DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())
        name = " ".join(command).removeprefix(f"{sys.executable} -m ")
        raise ConfigError(f"`{name}` failed in {folder}: {reason}")
