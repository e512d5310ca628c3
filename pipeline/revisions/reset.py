"""Takes a project's params and results back to those of the last commit."""

import subprocess
import sys

from ..params.dag import LOCK_FILE
from ..params.project import Project
from ..params.schema import PARAMS_FILE
from ..plumbing.errors import ConfigError
from .git import file_at, git
from .settings import Difference, content_at, differences, workspace_content

FILES = (PARAMS_FILE, LOCK_FILE, Project().metrics)  # what an experiment changes outside DVC's outs


def reset_to_commit() -> list[Difference]:
    """Bring params.yaml, dvc.lock, the metrics and all outs back to those of the last commit.

    Returns:
        The params that had other values, from those that they had to the commit's.

    Raises:
        ConfigError: no repository or no commit of a project, or DVC's cache lacks the outs.
    """
    files = [str(file) for file in FILES if file_at("HEAD", str(file)) is not None]
    if str(PARAMS_FILE) not in files:
        raise ConfigError(
            f"the last commit has no {PARAMS_FILE}; run from the project's folder, after a commit"
        )
    changed = differences(workspace_content(), content_at("HEAD"))
    git("checkout", "HEAD", "--", *files)
    _checkout_outs()
    return changed


def _checkout_outs() -> None:
    command = [sys.executable, "-m", "dvc", "checkout", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        reason = " ".join(done.stderr.split()) or "no reason given"
        raise ConfigError(
            f"params.yaml and dvc.lock are the commit's again, but not all outs ({reason}): `dvc "
            "repro` makes them"
        )
