"""The values that flow between topics: Feedback, Moment, Merge, Link, Alert. (Others have files of their own.)"""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from pipeline.domain.correction import Correction, Id
from pipeline.domain.emotions import Emotion
from pipeline.domain.identity import Handle
from pipeline.domain.limits import HANDLES_MAX
from pipeline.domain.reading import Reading
from pipeline.domain.values import Name, Value

Stakeholder = Literal["customer", "employee"]
Severity = Literal["low", "normal", "high"]


def _without_nul(text: Any) -> Any:
    """NUL says nothing and breaks C strings downstream, so it is the one character that is not kept."""
    return text.replace("\x00", "") if isinstance(text, str) and "\x00" in text else text


def _handles(given: Any) -> Any:
    """A mapping kind → value is accepted as well as a list of handles."""
    return [{"kind": k, "value": v} for k, v in given.items()] if isinstance(given, dict) else given


def _no_bool(given: Any) -> Any:
    if isinstance(given, bool):
        raise PydanticCustomError("float_type", "Input should be a valid number")
    return given


Answer = Annotated[float, BeforeValidator(_no_bool)]


class Feedback(Value):
    """What somebody said: where, about what, when, and what the channel knows them by. Immutable."""

    id: Name
    source: Name
    channel: Name
    at: AwareDatetime
    text: Annotated[str, BeforeValidator(_without_nul)]
    touchpoint: Name | None = None
    handles: Annotated[
        tuple[Handle, ...],
        BeforeValidator(_handles, json_schema_input_type=tuple[Handle, ...] | dict[str, str]),
        Field(max_length=HANDLES_MAX),
    ] = ()
    stakeholder: Stakeholder = "customer"
    answers: dict[str, Answer] = Field(default_factory=dict)
    reply_to: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class Origin(Value):
    """The record of topic ``feedback`` that a moment comes from, for tracing and for `heartline verify`."""

    partition: int
    offset: int


class Moment(Value):
    """A reading that has found its person: one entry of one timeline.

    ``at`` is when it was said (not much later than it arrived), ``arrived`` when Kafka got it. ``moved_from`` is
    the person that it was remembered for before that person proved to be this one, ``moved_before`` those before.
    On the timeline a moment that was corrected keeps its ``corrections``, oldest first, and in ``read`` what the
    reader had read; ``reading`` is what the last of them makes of it.
    """

    id: Id
    person: Id
    at: AwareDatetime
    arrived: AwareDatetime
    feedback: Feedback
    reading: Reading
    origin: Origin | None = None
    moved_from: str | None = None
    moved_before: tuple[str, ...] | None = None
    read: Reading | None = None
    corrections: tuple[Correction, ...] | None = None

    @property
    def as_read(self) -> Reading:
        """What the reader had read."""
        return self.read or self.reading


class Merge(Value):
    """``person`` proved to be ``into``; ``evidence`` is the moment that showed it."""

    person: str
    into: str
    evidence: str
    at: AwareDatetime


class Link(Value):
    """A handle leads to ``person`` since ``evidence`` was seen; ``rule`` says why."""

    handle: str
    person: str
    rule: Literal["seen_together"]
    evidence: str
    at: AwareDatetime


class Brief(Value):
    """A moment in a line, for whoever must answer."""

    at: AwareDatetime
    channel: str
    touchpoint: str | None = None
    primary: Emotion | None = None
    valence: float = 0.0
    excerpt: str = ""


class Why(Value):
    """The evidence of an alert: what was felt, how surely, the words that show it, and what it is about."""

    primary: Emotion | None = None
    emotions: dict[Emotion, int]
    negative: float
    confidence: float
    words: tuple[str, ...]
    topics: tuple[str, ...] = ()


class Briefing(Value):
    """What the team should know before it speaks."""

    recent: tuple[Brief, ...]
    open_cases: dict[str, str]
    moments: int
    positive: int
    negative: int
    trust: float
    playbook: str | None = None


class Alert(Value):
    """A moment that a team must answer: who, what, why, how soon. ``id`` is the same at every delivery."""

    id: str
    rule: str
    policy: str
    team: str
    severity: Severity
    person: str
    aliases: tuple[str, ...] = ()
    moment: str
    touchpoint: str
    channel: str
    stakeholder: Stakeholder
    at: AwareDatetime
    raised_at: AwareDatetime
    respond_by: AwareDatetime
    opens_case: bool
    text: str
    why: Why
    briefing: Briefing
    handles: tuple[Handle, ...] = ()
    reply_to: str | None = None
