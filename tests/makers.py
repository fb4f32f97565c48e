"""What tests are made of: values with sensible defaults, and a whole flow in memory."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import orjson

from pipeline.buses.memory import MemoryBus, MemoryRecord
from pipeline.clocks import WoundClock
from pipeline.domain.correction import Correction
from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.envelope import seal
from pipeline.domain.events import Alert, Feedback, Moment, Why
from pipeline.domain.identity import moment_id
from pipeline.domain.policy import Policy, parse_policy
from pipeline.domain.reading import Felt, Reading, Span
from pipeline.domain.routing import route
from pipeline.domain.timeline import Figures, add
from pipeline.ports import Attempts, Begun, Headers, Send
from pipeline.stages.work import Doors
from pipeline.stores.memory import MemoryCases, MemoryIdentities, MemoryTimelines
from pipeline.telemetry import Telemetry

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
NOON_MS = round(NOON.timestamp() * 1000)
POLICY_TEXT = files("pipeline").joinpath("policy.toml").read_text(encoding="utf-8")
POLICY: Policy = parse_policy(POLICY_TEXT)
_WORD = re.compile("|".join(EMOTIONS))


class WordReader:
    """Reads the names of emotions where they stand in a text; '!' behind one makes it strong, '?' uncertain."""

    name = "words/1"

    def read(self, texts: Sequence[str]) -> Sequence[Reading]:
        """Answer one reading a text."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Reading:
        spans = [Span(start=m.start(), end=m.end(), emotion=Emotion(m[0])) for m in _WORD.finditer(text)]
        return reading(*dict.fromkeys(span.emotion for span in spans), text=text, spans=tuple(spans[:3]))


def reading(*emotions: Emotion, text: str = "", spans: tuple[Span, ...] = ()) -> Reading:
    """Answer a reading of (at most three of) ``emotions``, the first one primary."""
    intensity = 3 if "!" in text else 2
    felt = {emotion: Felt(confidence=0.9, intensity=intensity) for emotion in emotions[:3]}
    hurt = bool(emotions) and emotions[0].hurts
    return Reading(
        emotions=felt,
        primary=emotions[0] if emotions else None,
        valence=-0.5 if hurt else 0.0,
        negative=0.9 if hurt else 0.1,
        spans=spans,
        review="?" in text,
        reader=WordReader.name,
    )


def feedback(number: int = 1, text: str = "I feel neglected", **given: Any) -> Feedback:
    """Answer feedback number ``number``, said so many minutes after noon."""
    fields = {"id": f"f-{number}", "source": "/channels/chat", "channel": "chat", "touchpoint": "billing"}
    return Feedback.model_validate({**fields, "at": NOON + timedelta(minutes=number), "text": text, **given})


def moment(number: int = 1, *emotions: Emotion, person: str = "p1-a", **given: Any) -> Moment:
    """Answer a moment of ``person`` in which ``emotions`` are felt (none named: neglected)."""
    said = feedback(number, **given)
    return Moment(
        id=moment_id(said.source, said.id),
        person=person,
        at=said.at,
        arrived=said.at,
        feedback=said,
        reading=reading(*(emotions or (Emotion.NEGLECTED,)), text=said.text),
    )


def correction(number: int = 1, person: str = "p1-a", **said: Any) -> Correction:
    """Answer what Ben says at noon about moment ``number`` of ``person``."""
    given = {"moment": moment(number).id, "person": person, "by": "ben", "at": NOON, **said}
    return Correction.model_validate(given)


def alert(number: int = 1, person: str = "p1-a", **update: Any) -> Alert:
    """Answer the alert that the shipped policy raises for moment ``number`` of ``person``."""
    told = moment(number, person=person)
    raised = route(told, add(Figures(), [told], POLICY), {}, told.arrived, POLICY)
    assert raised is not None
    return raised.model_copy(update=update)


def unexplained(number: int = 1) -> Alert:
    """Answer an alert that nothing felt explains: a rule that asks for no emotion raised it."""
    return alert(number).model_copy(update={"why": Why(emotions={}, negative=0.9, confidence=0.0, words=())})


def record(
    value: bytes | None, headers: Headers = (), topic: str = "feedback", key: bytes | None = None, offset: int = 0
) -> MemoryRecord:
    """Answer a record of partition 0 that came at noon."""
    return MemoryRecord(topic, 0, offset, NOON_MS, key, value, headers)


def publishing(said: Mapping[str, Any], key: bytes | None = None) -> Send:
    """Answer what a producer of another client sends: the data, with the envelope in the headers."""
    body = {name: value for name, value in said.items() if name not in {"id", "source"}}
    headers = seal("feedback.received", said["id"], said["source"], said["at"], said["channel"])
    return Send("feedback", key, orjson.dumps(body), headers)


def said(
    number: int, text: str, handles: Mapping[str, str] | Sequence[tuple[str, str]], **given: Any
) -> dict[str, Any]:
    """Answer the data of a feedback as JSON holds it."""
    pairs = handles.items() if isinstance(handles, Mapping) else handles
    return {
        "id": f"f-{number}",
        "source": "/channels/chat",
        "channel": "chat",
        "touchpoint": "billing",
        "at": (NOON + timedelta(minutes=number)).isoformat(),
        "text": text,
        "handles": [{"kind": kind, "value": value} for kind, value in pairs],
        **given,
    }


@dataclass
class World:
    """The whole flow in memory."""

    clock: WoundClock
    bus: MemoryBus
    identities: MemoryIdentities
    timelines: MemoryTimelines
    cases: MemoryCases
    telemetry: Telemetry
    doors: Doors

    def change(self, **doors: Any) -> None:
        """Put other doors in."""
        self.doors = replace(self.doors, **doors)

    async def publish(self, *several: Mapping[str, Any]) -> None:
        """Append each feedback, arrived half a day after noon, keyed by nothing (partitions take turns)."""
        for each in several:
            self.bus.append(publishing(each), NOON_MS + 43_200_000)

    async def run(self, batch_events: int = 500) -> None:
        """Carry until nothing is left."""
        await self.bus.run(self.doors, batch_events)

    def values(self, topic: str) -> list[dict[str, Any]]:
        """Answer the data of everything on ``topic``."""
        return [orjson.loads(r.value) for r in self.bus.records(topic) if r.value is not None]

    async def digest(self) -> dict[str, Any]:
        """Answer, for every person that lives, all that must not depend on the order of arrival."""
        told: dict[str, Any] = {}
        async for person in self.timelines.persons():
            state = (await self.timelines.load({person: ()}))[0][person]
            if state.moved_to is None:
                figures = state.figures._replace(aliases=frozenset(), emotions={})
                entries = [entry.id for entry in await self.timelines.entries(person, 1_000)]
                told[person] = (entries, figures, dict(sorted(state.figures.emotions.items())))
        return told


def world(policy: Policy = POLICY, partitions: int = 4) -> World:
    """Answer an empty world with the shipped policy and a reader of words."""
    clock = WoundClock(NOON)
    bus, cases, telemetry = MemoryBus(clock, partitions), MemoryCases(), Telemetry()
    identities, timelines = MemoryIdentities(), MemoryTimelines(cases)
    doors = Doors(WordReader(), identities, timelines, cases, bus, clock, telemetry, policy)
    return World(clock, bus, identities, timelines, cases, telemetry, doors)


async def begin(attempts: Attempts, topic: str, partition: int, first: int, last: int) -> int:
    """Begin one batch and answer its count."""
    (count,) = await attempts.begin([Begun(topic, partition, first, last)])
    return count
