"""The object scores of a category's test scans, which a bundle keeps to say what is missed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

from ..plumbing.documents import dump_json, read_bytes
from ..plumbing.errors import BundleError

TESTED_FILE = "tested.json"
_Score = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class LabelledScores:
    """Sorted object scores of the test scans with a known label."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    good: tuple[_Score, ...]
    defective: tuple[_Score, ...]

    def save(self, path: Path) -> None:
        path.write_text(dump_json(asdict(self)) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> LabelledScores:
        """Raises BundleError where the file is not what `save` writes."""
        try:
            return TypeAdapter(cls).validate_json(read_bytes(path))
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise BundleError(f"{path} is damaged ({reason}); write the bundle again") from None
