"""The files that a release gives a project: the checkout's own, shipped with the package.

`files/` holds links to params.yaml, dvc.yaml and others at the root of the repository; the wheel
holds their content. So there is one source of each, and a test compares the wheel's with it.
"""

import hashlib
import re
from itertools import dropwhile
from pathlib import Path

from .code import CODE, SUFFIX

FILES = Path(__file__).parent / "files"

DAG_HEADER = """\
# One chain of stages a category, one report over all of them. Written by `mentor3ad new`, and kept
# in step with the installed package by `mentor3ad sync`. A stage depends on the hashes of the code
# that it uses, in .mentor3ad/code. exec: the stage takes the shell's place, so that it ends when
# dvc is killed.
"""

_CODE_DEP = re.compile(r"(?<![\w./])(?:pipeline/([\w/]+)|(stages/\w+))(?:\.py)?(?=[\s,\]])")


def shipped_text(name: str) -> str:
    """Return the text of one of the shipped files."""
    return (FILES / name).read_text(encoding="utf-8")


def project_dag(dag: str) -> str:
    """Return a project's dvc.yaml: the checkout's, calling and depending on the installed package.

    Args:
        dag: text of the checkout's dvc.yaml. Comments are kept but for those above the stages,
            which explain the checkout.
    """
    body = dropwhile(lambda line: line.startswith("#"), dag.splitlines(keepends=True))
    calls = "".join(body).replace("python -m stages.", "python -m mentor3ad.stages.")
    return DAG_HEADER + _CODE_DEP.sub(lambda dep: str(hash_file(dep[1] or dep[2])), calls)


def hash_file(name: str) -> Path:
    """Return where a project keeps the hash of a part of the code, such as `extraction`."""
    return CODE / f"{name}{SUFFIX}"


def listed_code(dag: str) -> list[str]:
    """Return the parts of the code that the stages of a project's dvc.yaml depend on, in order."""
    names = re.findall(rf"{re.escape(str(CODE))}/([\w/]+){re.escape(SUFFIX)}", dag)
    return sorted(set(names))


def managed_files() -> dict[str, str]:
    """Return the text of each file that `mentor3ad sync` keeps in step, by its path."""
    plots = sorted((FILES / "plots").glob("*.json"))
    templates = {f".dvc/plots/{file.name}": file.read_text(encoding="utf-8") for file in plots}
    return {"dvc.yaml": project_dag(shipped_text("dag.yaml")), **templates}


def own_files() -> dict[str, str]:
    """Return the text of each file that is the user's once it is written, by its path."""
    return {
        "params.yaml": shipped_text("params.yaml"),
        ".gitignore": shipped_text("gitignore"),
        ".dvcignore": shipped_text("dvcignore"),
        ".dvc/config": shipped_text("dvc_config"),
        "data/.gitkeep": "",
        "studies/best.json": "{}\n",
    }


def text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
