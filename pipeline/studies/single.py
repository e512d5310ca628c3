"""One experiment, its values checked before DVC starts."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..doctor.leftovers import check_rwlock
from ..params.dag import LOCK_FILE
from ..params.presets.overlay import load_yaml
from ..params.schema import PARAMS_FILE, Params, read_text, validate_params
from ..plumbing.documents import LARGE, dump_json
from ..plumbing.errors import ConfigError
from .definition import Values
from .grid import with_values
from .runner import environment


def checked_settings(words: Sequence[str]) -> Values:
    """The values that KEY=VALUE words set, as params.yaml may have them.

    Raises:
        ConfigError: a word or a value cannot be read, a key is no param, a value is refused, or a
            category has neither data nor results here.
    """
    values = dict(_setting(word) for word in words)
    content = load_yaml(read_text(PARAMS_FILE), PARAMS_FILE)
    params = validate_params(with_values(content, values), PARAMS_FILE)
    _check_categories(params)
    return values


def run_single(values: Values, name: str | None, queue: bool, pull: bool) -> int:
    """Run or queue an experiment with DVC; returns DVC's exit code.

    Raises:
        ConfigError: DVC's file of who writes what is damaged, so that it could run nothing.
    """
    check_rwlock(Path())
    command = [sys.executable, "-m", "dvc", "exp", "run", "--queue" if queue else "--temp"]
    if name is not None:
        command += ["--name", name]
    if pull and not queue:
        command += ["--pull", "--allow-missing"]
    for key, value in values.items():
        command += ["--set-param", f"{key}={dump_json(value)}"]
    return subprocess.run(command, env=environment(1)).returncode


def _setting(word: str) -> tuple[str, object]:
    key, equals, text = word.partition("=")
    if not (key and equals):
        raise ConfigError(f"{word} is no KEY=VALUE; write it like model.lr=3e-4")
    try:
        return key, load_yaml(text, PARAMS_FILE)
    except ConfigError:
        raise ConfigError(
            f"{word}: {text} is no value; look for an open bracket or quote"
        ) from None


def _check_categories(params: Params) -> None:
    lock = read_text(LOCK_FILE, LARGE) if LOCK_FILE.is_file() else ""
    made = load_yaml(lock, LOCK_FILE) or {}
    known = {name.removeprefix("prepare@") for name in made.get("stages", {})}
    for category in params.data.categories:
        if category in known or category in [*params.demo.categories, *params.data.in_bucket]:
            continue
        if not (Path(params.data.root) / category).is_dir():
            raise ConfigError(
                f"data.categories names {category}, but there is no folder "
                f"{Path(params.data.root) / category}"
            )
