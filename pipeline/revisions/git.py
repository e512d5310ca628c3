"""Asks git, which keeps commits, and DVC's experiments as commits of their own."""

import subprocess

from ..plumbing.errors import ConfigError


def git(*arguments: str) -> str:
    """Run a git command and return what it prints.

    Raises:
        ConfigError: it fails, or there is no git.
    """
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, check=True, encoding="utf-8", errors="replace"
        )
    except FileNotFoundError:
        raise ConfigError("git is missing; DVC keeps experiments as git commits") from None
    except subprocess.CalledProcessError as error:
        reason = " ".join(error.stderr.split())
        raise ConfigError(f"git {' '.join(arguments)} failed: {reason}") from None
    return done.stdout


def file_at(commit: str, path: str) -> str | None:
    """The text of a file in a commit; None if the commit has no such file."""
    try:
        return git("show", f"{commit}:./{path}")
    except ConfigError:
        return None
