"""What a section of params.yaml is, and the types that several of them share."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def unique(value: Any) -> Any:
    """Return a list that names nothing twice; raises ValueError."""
    if value is not None and len(set(value)) != len(value):
        raise ValueError("names one twice")
    return value


class Section(BaseModel):
    """Some keys of params.yaml; any other key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
