"""The base of every value that flows: immutable, strict about what it cannot hold."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints

from pipeline.domain.limits import NAME_CHARS_MAX

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_CHARS_MAX)]


_set = object.__setattr__
_FIELDS: dict[type[BaseModel], set[str]] = {}  # all of them, of each class; shared by its instances, as nothing changes


class Value(BaseModel):
    """An immutable value; what it does not know it keeps (additive schemas)."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, ser_json_inf_nan="null")

    @classmethod
    def made(cls, values: dict[str, Any]) -> Self:
        """Answer an instance of ``values``, which must be right and hold every field: nothing is checked or copied.

        On the hot path what was checked once is put together ten times as fast as with ``model_construct``, which
        looks for aliases and copies defaults.
        """
        fields = _FIELDS.get(cls)
        if fields is None:
            fields = _FIELDS[cls] = set(cls.model_fields)
        value = cls.__new__(cls)
        _set(value, "__dict__", values)
        _set(value, "__pydantic_fields_set__", fields)
        _set(value, "__pydantic_extra__", {})
        _set(value, "__pydantic_private__", None)
        return value

    def but(self, values: dict[str, Any]) -> Self:
        """Answer a copy with other ``values``, which must be right: nothing is checked, as with ``made``."""
        value = self.made({**self.__dict__, **values})
        if self.__pydantic_extra__:
            _set(value, "__pydantic_extra__", dict(self.__pydantic_extra__))
        return value
