"""The base of every value that flows: immutable, strict about what it cannot hold."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from pipeline.domain.limits import NAME_CHARS_MAX

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_CHARS_MAX)]


class Value(BaseModel):
    """An immutable value; what it does not know it keeps (additive schemas)."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, ser_json_inf_nan="null")
