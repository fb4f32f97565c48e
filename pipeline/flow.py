"""The story of Heartline as data: what each topic carries, which verbs meet it, where it goes; and the one gesture.

::

    feedback ──► read, stitch ──► moments ──► remember (and route) ──► alerts.<team> ──► open_case ──► cases
                     └──► links      ▲                                       any Kafka client may listen here
    corrections ─────────────────────┘
    whatever can never be good ──► rejects

A correction of a reading travels on ``moments``, as a Merge does, keyed by the person: so it meets the one writer of
that person, in the order of the partition, and follows where the person moves. A topic of its own would bring a
second writer of the same state, and one more thing to read when a view is built again.

A Faust agent, the memory bus and a test all call :func:`carry`. It has three fates for an event: *rejected* (kept
in ``rejects`` with its reason), *unavailable* (an exception: nothing of the batch counts, all of it is tried again)
and *done* (what it answers must be sent, confirmed, and settled before the batch is acknowledged).
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pydantic import ValidationError

from pipeline.domain.cases import Case
from pipeline.domain.correction import Correction
from pipeline.domain.envelope import NAMESPACE, Record, named, open_envelope, read_value
from pipeline.domain.errors import HeartlineError, Reason, Rejected
from pipeline.domain.events import Alert, Feedback, Link, Merge, Moment
from pipeline.domain.limits import INNER_BYTES_MAX, INNER_DEPTH_MAX, RECORD_BYTES_MAX
from pipeline.domain.values import Value
from pipeline.stages.open_case import open_case
from pipeline.stages.read import read
from pipeline.stages.remember import remember
from pipeline.stages.stitch import arrival, stitch
from pipeline.stages.work import Arrived, Doors, Outcome, Verb

DAY_MS = 86_400_000
TEAM_PARTITIONS_SHARE = 4
VERSION = 1
TYPES: dict[str, type[Value]] = {
    "feedback.received": Feedback,
    "moment.stitched": Moment,
    "person.merged": Merge,
    "reading.corrected": Correction,
    "handle.linked": Link,
    "alert.raised": Alert,
    "case.changed": Case,
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it has to be: its name without prefix, what keys it, which types it carries, how long it keeps."""

    name: str
    key: str
    carries: tuple[str, ...]
    purpose: str
    retention_ms: int = -1
    compacted: bool = False
    message_bytes_max: int = INNER_BYTES_MAX
    per_team: bool = False

    def partitions(self, most: int) -> int:
        """Answer how many partitions it has where ``most`` is the setting.

        What a team must answer is little, and there are many teams: each partition costs the broker and the workers
        something with every fetch. A power of two still keeps a bucket on one partition.
        """
        return max(1, most // TEAM_PARTITIONS_SHARE) if self.per_team else most


@dataclass(frozen=True, slots=True)
class Step:
    """What meets the events of a topic: the verbs, one after the other, and where they send."""

    topic: str
    meets: tuple[Verb, ...]
    sends: tuple[str, ...]
    bare: str | None = None  # the type of data that may come without an envelope


TOPICS: tuple[Topic, ...] = (
    Topic(
        "feedback",
        "the strongest handle",
        ("feedback.received",),
        "What people said, on every channel",
        28 * DAY_MS,
        message_bytes_max=RECORD_BYTES_MAX,
    ),
    Topic(
        "moments",
        "person",
        ("moment.stitched", "person.merged", "reading.corrected"),
        "Readings that found their person, and what people corrected about them",
        28 * DAY_MS,
    ),
    Topic("links", "handle", ("handle.linked",), "Which person a handle leads to", compacted=True),
    Topic("alerts", "person", ("alert.raised",), "What a team must answer", 90 * DAY_MS, per_team=True),
    Topic("cases", "case", ("case.changed",), "Every change of every case", compacted=True),
    Topic(
        "rejects",
        "as it came",
        (),
        "What can never be good: the untouched bytes, with origin and reason in the headers",
        28 * DAY_MS,
        message_bytes_max=16 * RECORD_BYTES_MAX,
    ),
)
STEPS: tuple[Step, ...] = (
    Step("feedback", (read, stitch), ("moments", "links", "rejects"), bare="feedback.received"),
    Step("moments", (remember,), ("alerts", "moments", "rejects")),
    Step("alerts", (open_case,), ("cases", "rejects")),
)
_CARRIES = {topic.name: frozenset(topic.carries) for topic in TOPICS}
_OWN = {
    topic.name: {f"{NAMESPACE}{name}.v{VERSION}".encode(): TYPES[name].__pydantic_validator__ for name in topic.carries}
    for topic in TOPICS
}
_STEPS = {step.topic: step for step in STEPS}


def topic_names(teams: Sequence[str]) -> dict[str, Topic]:
    """Answer every topic by name, those of the teams included."""
    return {
        name: topic
        for topic in TOPICS
        for name in ([f"{topic.name}.{team}" for team in teams] if topic.per_team else [topic.name])
    }


async def carry(topic: str, records: Sequence[Record], doors: Doors) -> Outcome:
    """Meet a batch of one topic (its name without prefix). Raises Unavailable when a door is shut."""
    step = _STEPS[topic.partition(".")[0]]
    outcome = Outcome()
    arrived: list[Arrived[Any]] = []
    started = doors.clock.cpu_seconds()
    for record in records:
        try:
            arrived.append(Arrived(record, parse(step, record)))
        except Rejected as why:
            outcome.reject(record, why)
    doors.meter.note("parse", len(records), doors.clock.cpu_seconds() - started)
    await _meet(step, arrived, doors, outcome)
    return outcome


def parse(step: Step, record: Record) -> Value:
    """Open and check one record of the step's topic. Raises Rejected."""
    try:
        arrived = arrival(record)
    except (ValueError, OverflowError, OSError):
        told = f"the record's timestamp is no time: {record.timestamp} ms"
        raise Rejected(Reason.INVALID_ENVELOPE, told) from None
    if step.bare is None and (own := _own(step, record)) is not None:
        return own
    envelope = open_envelope(record, step.bare)
    if envelope.type not in _CARRIES[step.topic]:
        raise Rejected(Reason.UNKNOWN_TYPE, f"{envelope.type} does not belong on topic {step.topic}")
    if envelope.version != VERSION:
        raise Rejected(Reason.UNKNOWN_VERSION, f"{envelope.type} v{envelope.version}; this release reads v{VERSION}")
    data = named(envelope, record, arrived) if envelope.type == "feedback.received" else envelope.data
    return read_value(TYPES[envelope.type], data)


def _own(step: Step, record: Record) -> Value | None:
    """Read what Heartline wrote itself straight from its bytes; None for what has to be looked at more closely.

    That is half the cost of a moment. pydantic's JSON reader takes NaN and deep nesting, which are not for here.
    """
    value, headers = record.value, record.headers
    # Where `seal` puts them: of a record that was read long before, each header that is looked at costs. What does not
    # begin so is opened as anybody's.
    if not value or len(value) > INNER_BYTES_MAX or len(headers) < 3 or headers[2][0] != "ce_id" or not headers[2][1]:
        return None
    name, kind = headers[1]
    validator = _OWN[step.topic].get(kind) if name == "ce_type" else None
    if validator is None:
        return None
    if value.count(b"{") + value.count(b"[") > INNER_DEPTH_MAX or b"NaN" in value or b"Infinity" in value:
        return None
    try:
        own: Value = validator.validate_json(value)
    except ValidationError:
        return None
    return own


async def _meet(step: Step, arrived: Sequence[Arrived[Any]], doors: Doors, outcome: Outcome) -> None:
    """Let the verbs meet the batch; where it fails for no known reason, halve it until the culprit stands alone.

    Every effect of a verb is idempotent, so meeting the good ones twice is safe.
    """
    if not arrived:
        return
    part, batch = Outcome(), arrived
    try:
        for verb in step.meets:
            started = doors.clock.cpu_seconds()
            batch = await verb(batch, doors, part)
            doors.meter.note(verb.__name__, len(batch), doors.clock.cpu_seconds() - started)
    except Rejected as why:
        await _halve(step, arrived, doors, outcome, why)
    except HeartlineError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a single event can raise, it must not stop the others
        await _halve(step, arrived, doors, outcome, Rejected(Reason.STAGE_FAILED, _told(error)))
    else:
        outcome.extend(part)


async def _halve(step: Step, arrived: Sequence[Arrived[Any]], doors: Doors, outcome: Outcome, why: Rejected) -> None:
    if len(arrived) == 1:
        outcome.reject(arrived[0].record, why)
        return
    middle = len(arrived) // 2
    await _meet(step, arrived[:middle], doors, outcome)
    await _meet(step, arrived[middle:], doors, outcome)


def _told(error: Exception) -> str:
    """Where it failed and a hash of the whole trace, to group by; never the message, which may quote a text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].name}:{frames[-1].lineno}" if frames else "unknown"
    trace = "\n".join(f"{frame.name}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} in {place}, trace {blake2b(trace.encode(), digest_size=4).hexdigest()}"
