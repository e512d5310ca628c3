"""What makes two experiments the same: equal params, code and data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..params.dag import DAG_FILE, LOCK_FILE
from ..params.presets.overlay import load_yaml
from ..params.schema import PARAMS_FILE, read_text, validate_params
from ..plumbing.documents import dump_json
from ..revisions.git import file_at
from .dag import Dag
from .definition import Values
from .git import blob_ids
from .grid import with_values

DIGITS = 12


@dataclass(frozen=True)
class Baseline:
    """The last commit, which experiments start from."""

    params: Mapping[str, Any]  # content of params.yaml
    code: Mapping[str, str]  # git id of each dependency of a stage
    data: Mapping[str, Any]  # hash of each category's prepared scans, by the path

    @classmethod
    def load(cls, dag: Dag) -> "Baseline":
        """Raises ConfigError where the folder is no repository of the pipeline."""
        content = load_yaml(read_text(PARAMS_FILE), PARAMS_FILE)
        validate_params(content, PARAMS_FILE)
        code = blob_ids(dag.code | {str(DAG_FILE)})
        lock = load_yaml(file_at("HEAD", str(LOCK_FILE)) or "{}", LOCK_FILE)
        return cls(content, code, prepared_data(lock))

    def identity(self, values: Values, path: Path) -> str:
        """A hash that is equal for experiments that must give the same results.

        `runtime` has no part in it, nor has the way a value is written, nor code that no stage
        uses.

        Args:
            values: params that the experiment sets.
            path: of the study, for messages.

        Raises:
            ConfigError: a value is not valid.
        """
        params = validate_params(with_values(self.params, values), path)
        parts = [params.model_dump(exclude={"runtime"}), dict(self.code), dict(self.data)]
        text = dump_json(parts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def prepared_data(lock: Mapping[str, Any]) -> dict[str, Any]:
    """The hash of what `prepare` wrote for each category, taken from the content of dvc.lock."""
    stages = lock.get("stages", {})
    outs = [out for name, s in stages.items() if name.startswith("prepare@") for out in s["outs"]]
    return {out["path"]: out.get("md5") for out in outs}
