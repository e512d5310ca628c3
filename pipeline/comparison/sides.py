"""What is compared: a commit, an experiment or the workspace, with its params and results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..params.dag import LOCK_FILE
from ..params.project import Project
from ..params.schema import read_text
from ..plumbing.documents import LARGE
from ..plumbing.errors import ConfigError
from ..plumbing.system import is_the_machines
from ..rating.results import Results
from ..revisions.git import file_at, git
from ..revisions.outs import Outs, cache_of_project, results_in
from ..revisions.settings import content_at, workspace_content
from ..seals.sealed import Sealed

WORKSPACE = "workspace"
METRICS, RESULTS = str(Project().metrics), str(Project().results)
EXPERIMENTS = "refs/exps"
_SHORT = 7  # characters of a commit that stands for a name


@dataclass(frozen=True)
class Side:
    """One column of the comparison.

    Attributes:
        commit: None for the workspace.
        params: content of params.yaml.
        results: content of reports/results.json, or of reports/metrics.json where it is lost.
    """

    name: str
    commit: str | None
    params: Mapping[str, Any]
    results: Mapping[str, Any]
    outs: Outs

    @property
    def categories(self) -> list[str]:
        return list(self.params["data"]["categories"])

    def load(self, category: str, scratch: Path) -> tuple[Results, Path]:
        """A category's test scans with their maps, and its prepared folder.

        Args:
            scratch: an empty folder, for links to the files of DVC's cache.

        Raises:
            ConfigError: the outs are not here.
            DataError, CacheError: they are damaged.
        """
        project = Project()
        prepared = self._folder("prepare", category, project.prepared(category), scratch)
        votes = self._folder("vote", category, project.votes(category), scratch)
        return Results.load(prepared, votes, category), prepared

    def _folder(self, stage: str, category: str, out: Path, scratch: Path) -> Path:
        if self.commit is None:
            if not out.is_dir():
                raise ConfigError(f"{out} is not here: run `dvc repro` or `dvc pull {stage}`")
            return out
        files = self.outs.files(f"{stage}@{category}", out.as_posix())
        if not files or not all(cached.is_file() for cached in files.values()):
            raise ConfigError(
                f"{self.name}: {out} is not in DVC's cache; for an experiment of others `dvc exp "
                "pull` fetches it, for a commit `dvc fetch --all-commits`"
            )
        for name, cached in files.items():
            link = scratch / stage / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(cached.resolve())
        return scratch / stage


def load_sides(names: Sequence[str]) -> list[Side]:
    """The sides by their names; without names the last commit and the experiments made from it.

    Raises:
        ConfigError: a name is neither a revision nor an experiment, one has no results, or there
            is nothing to compare.
    """
    sides = [_side(name) for name in names or ["HEAD", *_experiments_of_head()]]
    if len(sides) < 2:
        raise ConfigError(
            "the last commit has no experiments to compare it with; name two commits, experiments "
            f"or `{WORKSPACE}`"
        )
    return sides


def results_at(commit: str) -> Mapping[str, Any] | None:
    """All metrics of a commit, or the headline where the cache has lost them; None: no results."""
    outs = Outs(file_at(commit, str(LOCK_FILE)) or "", cache_of_project())
    content = outs.read("report", RESULTS) or file_at(commit, METRICS)
    return None if content is None else results_in(content, f"{METRICS} of {commit[:_SHORT]}")


def experiment_commits() -> dict[str, str]:
    """The commit of each experiment by its name; of equal names the last one's."""
    form = "--format=%(objectname) %(refname)"
    lines = git("for-each-ref", "--sort=committerdate", form, EXPERIMENTS).splitlines()
    pairs = (line.split(" ", 1) for line in lines)
    return {ref.rsplit("/", 1)[1]: commit for commit, ref in pairs if ref.count("/") == 4}


def _experiments_of_head() -> list[str]:
    head = git("rev-parse", "HEAD").strip()
    lines = git("for-each-ref", "--sort=committerdate", "--format=%(refname)", EXPERIMENTS)
    start = f"{EXPERIMENTS}/{head[:2]}/{head[2:]}/"
    return [ref.removeprefix(start) for ref in lines.splitlines() if ref.startswith(start)]


def _side(name: str) -> Side:
    if name == WORKSPACE:
        return _of_workspace()
    commit = _commit(name)
    lock = file_at(commit, str(LOCK_FILE))
    if lock is None:
        raise ConfigError(f"{name} has no {LOCK_FILE}: it is no commit of a finished pipeline")
    results = results_at(commit)
    if results is None:
        raise ConfigError(f"{name} has no {METRICS}: it is no commit of a finished pipeline")
    shown = commit[:_SHORT] if name == commit else name
    return Side(shown, commit, content_at(commit), results, Outs(lock, cache_of_project()))


def _of_workspace() -> Side:
    try:
        lock = read_text(LOCK_FILE, LARGE)
        results = Sealed.open(Project().reports, "reports").read_json(Project().results.name)
    except OSError as error:
        if is_the_machines(error):
            raise
        raise ConfigError(f"{error.filename} is missing: run `dvc repro`") from None
    return Side(WORKSPACE, None, workspace_content(), results, Outs(lock, cache_of_project()))


def _commit(name: str) -> str:
    experiments = experiment_commits()
    if name in experiments:
        return experiments[name]
    try:
        return git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
    except ConfigError:
        known = ", ".join(list(experiments)[-5:]) or "none"
        raise ConfigError(
            f"{name} is neither a commit nor an experiment; the last experiments: {known}"
        ) from None
