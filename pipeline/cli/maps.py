"""Column maps: from the columns of somebody's file to the fields of a feedback, as a TOML file says.

::

    [map]                                   # id source channel at text touchpoint stakeholder reply_to
    id = "ticket"                           # the column
    text = ["comment", "title"]             # the first of these that holds something
    channel = { constant = "survey" }
    touchpoint = { column = "page", default = "website" }
    stakeholder = { column = "who", values = { staff = "employee" }, default = "customer" }
    source = { column = "ref", before = ":", prefix = "/imports/" }
    at = { column = "sent", times = ["%d/%m/%Y %H:%M"], zone = "Europe/London" }

    [map.handles]                           # customer_id employee_id email phone social respondent
    email = "mail"

    [map.answers]                           # numbers; what is none goes to the metadata
    nps = "recommend"

    [map.metadata]
    city = "town"

    [map.options]
    rest = true                             # columns that nothing names go to the metadata (default: true)

A time is read in ISO 8601, as a number of seconds since 1970, or as a year, a month or a season ("2015",
"2015-12", "2020 Spring"), which mean their beginning in UTC. One that cannot be read stays in the metadata, and the
feedback counts as said when it is published.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from pipeline.domain.errors import Misconfigured

FIELDS = ("id", "source", "channel", "text", "touchpoint", "stakeholder", "reply_to")
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_PERIOD = re.compile(r"^(\d{4})(?:-(\d{2}))?$|^(\d{4}) (\w+)$|^(\w+) (\d{4})$")
_SECONDS = re.compile(r"^\d{9,10}(\.\d+)?$|^\d{12,13}$")


def _columns(given: Any) -> Any:
    if isinstance(given, str):
        return {"columns": [given]}
    if isinstance(given, list):
        return {"columns": given}
    if isinstance(given, dict) and "column" in given:
        return {**{key: value for key, value in given.items() if key != "column"}, "columns": [given["column"]]}
    return given


class Column(BaseModel):
    """Where one field comes from; ``values`` translates (others to ``default``), ``before`` cuts at a mark."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...] = ()
    constant: str | float | None = None
    default: str | float | None = None
    values: dict[str, str | float] = {}
    before: str | None = None
    prefix: str = ""
    times: tuple[str, ...] = ()
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {zone!r}") from None
        return zone

    def find(self, row: Mapping[str, Any]) -> Any:
        """Answer what the row says for this field; None where it says nothing."""
        if self.constant is not None:
            return self.constant
        for column in self.columns:
            value = row.get(column)
            if value is None or (isinstance(value, str) and not value.strip()):
                continue
            if self.values:
                value = self.values.get(str(value), value if self.default is None else self.default)
            if self.before is not None:
                value = str(value).partition(self.before)[0]
            return f"{self.prefix}{value}" if self.prefix else value
        return self.default


Spec = Annotated[Column, BeforeValidator(_columns)]


class Options(BaseModel):
    """What becomes of columns that nothing names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rest: bool = True


class ColumnMap(BaseModel):
    """A whole map."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Spec | None = None
    source: Spec | None = None
    channel: Spec
    at: Spec | None = None
    text: Spec
    touchpoint: Spec | None = None
    stakeholder: Spec | None = None
    reply_to: Spec | None = None
    handles: dict[str, Spec] = {}
    answers: dict[str, Spec] = {}
    metadata: dict[str, Spec] = {}
    options: Options = Field(default_factory=Options)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the data of a feedback."""
        told: dict[str, Any] = {"text": ""}
        for name, column in self._plain:
            value = column.find(row)
            if value is not None:
                told[name] = value if isinstance(value, str) else str(value)
        metadata: dict[str, Any] = {}
        parts: dict[str, Any] = {
            "handles": self._known(row),
            "answers": self._answered(row, metadata),
            "at": self._said(row, metadata),
            "metadata": metadata,
        }
        for name, column in self.metadata.items():
            if (value := column.find(row)) is not None:
                metadata[name] = value
        if self.options.rest:
            named = self._named
            metadata |= {k: v for k, v in row.items() if k not in named and not (v is None or v == "")}
        return told | {name: value for name, value in parts.items() if value}

    def _known(self, row: Mapping[str, Any]) -> list[dict[str, str]]:
        found = ((kind, column.find(row)) for kind, column in self.handles.items())
        return [{"kind": kind, "value": str(value)} for kind, value in found if value is not None]

    def _answered(self, row: Mapping[str, Any], metadata: dict[str, Any]) -> dict[str, float]:
        answers: dict[str, float] = {}
        for name, column in self.answers.items():
            if (value := column.find(row)) is None:
                continue
            number = number_of(value)
            if number is None:
                metadata[name] = value
            else:
                answers[name] = number
        return answers

    def _said(self, row: Mapping[str, Any], metadata: dict[str, Any]) -> datetime | None:
        if self.at is None or (value := self.at.find(row)) is None:
            return None
        at = time_of(str(value), self.at)
        if at is None:
            metadata["at"] = value
        return at

    def model_post_init(self, _: Any) -> None:
        """Keep what every row asks for."""
        self.__dict__["_plain"] = [(name, column) for name in FIELDS if (column := getattr(self, name)) is not None]
        several = [self.at, *(column for _, column in self._plain)]
        groups = (self.handles, self.answers, self.metadata)
        several += [column for group in groups for column in group.values()]
        self.__dict__["_named"] = frozenset(name for c in several if c is not None for name in c.columns)

    @property
    def _plain(self) -> list[tuple[str, Column]]:
        plain: list[tuple[str, Column]] = self.__dict__["_plain"]
        return plain

    @property
    def _named(self) -> frozenset[str]:
        named: frozenset[str] = self.__dict__["_named"]
        return named


def number_of(value: Any) -> float | None:
    """Answer a finite number, or None; "8,5" and "8.5" are the same."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value.strip().replace(",", ".")) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None
    return number if isfinite(number) else None


def time_of(value: str, column: Column) -> datetime | None:
    """Answer a time with its zone, or None where it cannot be read."""
    text = value.strip()
    zone = UTC if column.zone == "UTC" else ZoneInfo(column.zone)
    for form in column.times:
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=zone)
    try:
        if match := _PERIOD.match(text):
            return _period(match)
        if _SECONDS.match(text):
            return datetime.fromtimestamp(float(text) / (1000 if "." not in text and len(text) > 10 else 1), UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _period(match: re.Match[str]) -> datetime | None:
    year, month, *season = match.groups()
    if year:
        return datetime(int(year), int(month or 1), 1, tzinfo=UTC)
    after, name, before, other = season[0], season[1], season[3], season[2]
    word = (name or other or "").casefold()
    if word not in SEASONS:
        return None
    return datetime(int(after or before), SEASONS[word], 1, tzinfo=UTC)


def shipped() -> list[str]:
    """Answer the names of the maps that ship."""
    folder = files("pipeline.samples").joinpath("mappings")
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))


def load_map(name: str) -> ColumnMap:
    """Read the map of that file, or the shipped one of that name. Raises Misconfigured."""
    if name in shipped():
        text = files("pipeline.samples").joinpath("mappings", f"{name}.toml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            ships = ", ".join(shipped())
            raise Misconfigured(f"map {name} cannot be read ({error}); maps that ship: {ships}") from error
    return parse_map(text, name)


def parse_map(text: str, name: str) -> ColumnMap:
    """Read and check a map. Raises Misconfigured, naming what is wrong in it."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{name}: not valid TOML: {error}") from error
    if not isinstance(raw.get("map"), dict) or set(raw) != {"map"}:
        raise Misconfigured(f"{name}: a map has one table [map] with its parts, and nothing else")
    try:
        return ColumnMap.model_validate(raw["map"])
    except ValidationError as error:
        told = "; ".join(
            f"map.{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise Misconfigured(f"{name}: {told}") from error
