"""The file of a study: its experiments, and the tables of the paper that they fill."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from ..params.presets.choose import Preset
from ..params.presets.overlay import load_yaml
from ..params.schema import Name, validation_problems
from ..params.section import Section
from ..plumbing import documents
from ..plumbing.documents import DocumentError
from ..plumbing.errors import ConfigError

FOLDER = Path("studies")

Values = dict[str, Any]  # of params by their dotted key, such as model.lr


class Row(Section):
    """One setting of a table: its name there and the params that it sets."""

    name: str
    paper: str | None = None  # its line in the paper's table; null: the line of this name
    rival: str | None = None  # whose metrics it shows, as in reports/rivals.json; null: ours
    set: Values = Field(default_factory=dict)


class TableSpec(Section):
    """One table: what its rows set, and what it shows of each row."""

    title: str
    paper: Literal["I", "II", "III", "IV", "V", "VI", "VII"] | None = None
    columns: Literal["metrics", "categories", "settings"] = "metrics"
    metrics: Annotated[list[Name], Field(min_length=1)]
    rows: list[Row] = Field(default_factory=list)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)


class Study(Section):
    """A study: its tables, and how often each of their settings is run."""

    preset: Preset | None = None
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    seeded: Annotated[list[str], Field(min_length=1)]  # params that each seed is put into
    set: Values = Field(default_factory=dict)
    tables: Annotated[list[TableSpec], Field(min_length=1)]

    @field_validator("seeds")
    @classmethod
    def _no_seed_twice(cls, value: list[int]) -> list[int]:
        if len(set(value)) != len(value):
            raise ValueError("names a seed twice")
        return value


def study_path(name: str) -> Path:
    """The file of a study that is given by its name or by its path."""
    path = Path(name)
    return path if path.suffix == ".yaml" else FOLDER / f"{name}.yaml"


def load_study(path: Path) -> Study:
    """Read and validate a study file.

    Raises:
        ConfigError: it is missing or unreadable, or a key is unknown or of a wrong value.
    """
    content = load_yaml(_text(path), path)
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {validation_problems(error)}") from None


def describe(path: Path) -> str:
    """One line about a study, which is the first comment of its file."""
    first = _text(path).partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _text(path: Path) -> str:
    try:
        return documents.read_text(path)
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml"))) or "none"
        raise ConfigError(f"there is no study {path}; those in {FOLDER}: {known}") from None
    except DocumentError as error:
        raise ConfigError(f"{path} {error}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
