"""`mentor3ad sync`: a project brought in step with the installed release."""

from dataclasses import dataclass
from pathlib import Path

from ..params.presets.overlay import as_dvc_writes, load_yaml, overlay, value_places
from ..params.schema import PARAMS_FILE, parse_params, read_text
from ..plumbing.documents import dump_json
from ..plumbing.errors import ConfigError
from ..plumbing.files import write_whole
from ..plumbing.version import __version__
from .code import recorded_code
from .create import installed_code, release_record, write_code
from .record import Record, load_record, save_record
from .shipped import hash_file, managed_files, shipped_text, text_sha256


@dataclass(frozen=True)
class Synced:
    """What `sync` changed.

    Attributes:
        before, after: releases.
        code: parts of the code whose hash is another now; the stages that list them run again.
        files: that were written anew.
        added, dropped: keys of params.yaml.
    """

    before: str
    after: str
    code: tuple[str, ...]
    files: tuple[str, ...]
    added: tuple[str, ...]
    dropped: tuple[str, ...]


def sync_project(root: Path, replace: bool = False) -> Synced:
    """Write what the installed release asks for into a project; nothing where it is in step.

    Args:
        replace: also replace a file that the user has edited.

    Raises:
        ConfigError: no project, an edited file of which the release has another form, or params
            that the release refuses; then nothing has changed.
    """
    record, managed = load_record(root), managed_files()
    files = _outdated(root, record, managed, replace)
    params, added, dropped = _params(root / PARAMS_FILE, record)
    before, now = recorded_code(root), installed_code(managed["dvc.yaml"])
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]

    for name in files:
        write_whole(root / name, managed[name], follow=True)
    if added or dropped:
        write_whole(root / PARAMS_FILE, params, follow=True)
    write_code(root, {name: now[name] for name in changed if name in now})
    for name in before.keys() - now.keys():
        (root / hash_file(name)).unlink()
    if record != (renewed := release_record(managed)):
        save_record(root, renewed)
    return Synced(
        record.release, __version__, tuple(changed), tuple(files), tuple(added), tuple(dropped)
    )


def _outdated(root: Path, record: Record, managed: dict[str, str], replace: bool) -> list[str]:
    """The files to write: those that the release changed, unless the user did so too."""
    outdated, edited = [], []
    for name, text in managed.items():
        found, wanted = _file_sha256(root / name), text_sha256(text)
        written = record.files.get(name)
        if found == wanted or (written == wanted and found is not None and not replace):
            continue  # in step, or changed by the user alone
        outdated.append(name)
        if found not in (written, None):
            edited.append(name)
    if edited and not replace:
        raise ConfigError(
            f"{', '.join(edited)}: you have edited what this release has another form of; commit "
            "yours, run `mentor3ad sync --replace`, and put your edits in again (git diff)"
        )
    return outdated


def _file_sha256(path: Path) -> str | None:
    return text_sha256(read_text(path)) if path.is_file() else None


def _params(path: Path, record: Record) -> tuple[str, list[str], list[str]]:
    """The params as this release ships them, with the project's values; keys added and dropped.

    Where the release ships the same params.yaml as the project was made from, nothing changes.
    """
    shipped, own = shipped_text("params.yaml"), read_text(path)
    if text_sha256(shipped) == record.params:
        return own, [], []
    known, given = value_places(shipped, path), value_places(own, path)
    added, dropped = [k for k in known if k not in given], [k for k in given if k not in known]
    if not added and not dropped:
        return own, [], []
    content = load_yaml(own, path)
    values = {key: _text(_leaf(content, key)) for key in given}
    text, _ = overlay(shipped, {k: v for k, v in values.items() if k in known}, path)
    parse_params(text, path)
    return text, added, dropped


def _text(value: object) -> str:
    """A value on one line."""
    if isinstance(value, list) or value is None:
        return dump_json(value, ensure_ascii=False)
    return as_dvc_writes(value)


def _leaf(content: object, key: str) -> object:
    for part in key.split("."):
        assert isinstance(content, dict)
        content = content[part]
    return content
