"""The section of the methods that are rated beside ours (docs/rivals.md)."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from .section import Count, Positive, Section, unique

RivalName = Literal["cfm", "nearest", "btf", "gaussian"]


class Coreset(Section):
    cell: Annotated[int, Field(ge=1, le=56)]
    candidates: Count
    share: Annotated[float, Field(gt=0, le=1)]
    projection: Count
    reweight: Annotated[int, Field(ge=0, le=100)]


class NearestRival(Section):
    components: Annotated[int, Field(ge=1, le=768)] | None
    power: Annotated[float, Field(ge=0, le=1)]


class GaussianRival(Section):
    components: Annotated[int, Field(ge=1, le=768)]


class CFMRival(Section):
    lr: Positive
    steps: Count
    scans: Count
    pixels: Count
    hidden: Count | None


class Rivals(Section):
    methods: list[RivalName]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    cfm: CFMRival
    coreset: Coreset
    nearest: NearestRival
    gaussian: GaussianRival

    _once = field_validator("methods")(unique)
