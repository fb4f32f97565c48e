"""The client: publish feedback, subscribe to the alerts of a team, read a timeline, correct a reading."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import orjson

from pipeline.buses.feed import follow
from pipeline.buses.kafka import KafkaBus
from pipeline.clocks import SystemClock
from pipeline.domain.cases import Case
from pipeline.domain.correction import Correction
from pipeline.domain.envelope import open_envelope, read_value, seal
from pipeline.domain.errors import HeartlineError, Reason, Rejected
from pipeline.domain.events import Alert, Feedback, Moment
from pipeline.domain.identity import Kind, event_id, normalise, own_person
from pipeline.domain.limits import PUBLISH_EVENTS_MAX, RECORD_BYTES_MAX, TIMELINE_MOMENTS_MAX
from pipeline.domain.timeline import Figures
from pipeline.ports import Clock, Identities, Send, Timelines
from pipeline.settings import Settings, load_settings
from pipeline.stages.fold import send_correction


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that was not published: its place in what was given (from 0), its id if it has one, and why."""

    place: int
    id: str | None
    why: Rejected


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a publishing: the ids that the broker has confirmed, and what was refused."""

    accepted: tuple[str, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A person's timeline: who, the figures, and the moments kept with their words, oldest first."""

    person: str
    figures: Figures
    moments: tuple[Moment, ...]
    cases: tuple[Case, ...] = ()


def prepare(data: Mapping[str, Any], clock: Clock, region: str = "GB") -> tuple[Feedback, Send]:
    """Check one feedback and answer it with the record that publishes it. Raises Rejected.

    Without ``at`` it was said now, without ``source`` on its channel, and without ``id`` it gets one of its content,
    the time included: two people may say the same words.
    """
    given = dict(data)
    if given.get("at") is None:
        given["at"] = clock.now()
    if given.get("source") is None:
        given["source"] = f"/channels/{given.get('channel', 'unknown')}"
    if given.get("id") is None:
        try:
            given["id"] = event_id(orjson.dumps(given, default=str, option=orjson.OPT_SORT_KEYS))
        except orjson.JSONEncodeError as error:
            raise Rejected(Reason.SCHEMA, f"this is no JSON: {error}") from None
    feedback = read_value(Feedback, given)
    try:
        value = feedback.model_dump_json(exclude_defaults=True, exclude={"id", "source"}).encode()
    except ValueError:
        raise Rejected(Reason.SCHEMA, "cannot be written as JSON: it holds values that JSON does not know") from None
    if len(value) > RECORD_BYTES_MAX:
        raise Rejected(Reason.TOO_LARGE, f"{len(value)} bytes; at most {RECORD_BYTES_MAX} are read")
    headers = seal("feedback.received", feedback.id, feedback.source, feedback.at.isoformat(), feedback.channel)
    return feedback, Send("feedback", key_of(feedback, region), value, headers)


def prepare_correction(data: Mapping[str, Any], clock: Clock) -> tuple[Correction, Send]:
    """Check one correction and answer it with the record that publishes it; without ``at`` it is said now.

    Raises Rejected.
    """
    given = dict(data)
    if given.get("at") is None:
        given["at"] = clock.now()
    correction = read_value(Correction, given)
    try:
        send = send_correction(correction)
    except ValueError:
        raise Rejected(Reason.SCHEMA, "cannot be written as JSON: it holds values that JSON does not know") from None
    if len(send.value or b"") > RECORD_BYTES_MAX:
        raise Rejected(Reason.TOO_LARGE, f"more than {RECORD_BYTES_MAX} bytes; no more are read")
    return correction, send


def key_of(feedback: Feedback, region: str) -> bytes:
    """Answer the record key: the strongest handle, normalised; the event's own id where it has none."""
    handles = [h for handle in feedback.handles if (h := normalise(handle.kind, handle.value, region))]
    return (min(handles, key=own_person) if handles else feedback.id).encode()


def handles_meant(text: str, region: str) -> list[str]:
    """Answer the normalised handles that a person may mean by ``text``: 'kind:value', or the bare value."""
    kind, colon, value = text.partition(":")
    if colon and kind in set(Kind):
        return [handle] if (handle := normalise(kind, value, region)) else []
    if text.startswith("@"):
        kinds: Sequence[Kind] = (Kind.SOCIAL,)
    elif "@" in text:
        kinds = (Kind.EMAIL,)
    else:
        kinds = (Kind.CUSTOMER_ID, Kind.EMPLOYEE_ID, Kind.PHONE, Kind.SOCIAL, Kind.RESPONDENT)
    return [handle for each in kinds if (handle := normalise(each, text, region))]


async def find_person(who: str, identities: Identities, timelines: Timelines, region: str) -> str | None:
    """Answer the person of an id or a handle, followed to whoever it proved to be; None where nobody is known."""
    candidates = [who]
    if not (who[:1] == "p" and who[2:3] == "-"):
        handles = handles_meant(who, region)
        if not handles:
            return None
        found = await identities.find(handles)
        candidates = [person or own_person(handle) for handle, person in zip(handles, found, strict=True)]
    for candidate in candidates:
        person = candidate
        while (state := (await timelines.load({person: ()}))[0][person]).moved_to:
            person = state.moved_to
        if state.version:
            return person
    return None


class Client:
    """Publishes, subscribes and looks up. Use as an async context manager; settings as in `heartline --help`.

    ``region`` (ISO 3166) is where phone numbers without a country code belong, as in the policy.

    >>> async with Client() as heartline:
    ...     await heartline.publish({"channel": "chat", "text": "Third time I ask!", "handles": {"email": "a@b.org"}})
    """

    def __init__(self, settings: Settings | None = None, *, region: str = "GB", **given: Any) -> None:
        self.settings = settings or load_settings(**given)
        self._region = region
        self._clock = SystemClock()
        self._bus = KafkaBus(self.settings)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._bus.close()

    async def publish(self, feedback: Feedback | Mapping[str, Any]) -> str:
        """Publish one feedback and answer its id once the broker has confirmed it. Raises Rejected, Unavailable."""
        published = await self.publish_many([feedback])
        if published.refused:
            raise published.refused[0].why
        return published.accepted[0]

    async def publish_many(self, many: Iterable[Feedback | Mapping[str, Any]]) -> Published:
        """Publish many, in batches; what can never be good is refused, with its reason, and the rest goes out."""
        accepted: list[str] = []
        refused: list[Refused] = []
        sends: list[Send] = []
        ids: list[str] = []
        for place, each in enumerate(many):
            data = each.model_dump() if isinstance(each, Feedback) else each
            try:
                feedback, send = prepare(data, self._clock, self._region)
            except Rejected as why:
                given = data.get("id")
                refused.append(Refused(place, given if isinstance(given, str) else None, why))
                continue
            sends.append(send)
            ids.append(feedback.id)
            if len(sends) == PUBLISH_EVENTS_MAX:
                await self._bus.send(sends)
                accepted += ids
                sends, ids = [], []
        await self._bus.send(sends)
        return Published((*accepted, *ids), tuple(refused))

    async def correct(self, correction: Correction | Mapping[str, Any]) -> str:
        """Say what a moment should have been read as, and answer the correction's id once the broker confirmed it.

        Needed are ``moment`` and ``person``, as they stand in an alert (``alert.moment``, ``alert.person``) and on a
        timeline, and ``by``; the rest is what is corrected (:class:`Correction`). Raises Rejected, Unavailable.
        """
        data = correction.model_dump() if isinstance(correction, Correction) else correction
        checked, send = prepare_correction(data, self._clock)
        await self._bus.send([send])
        return checked.id

    async def alerts(
        self, *teams: str, group: str | None = None, start: Literal["earliest", "latest"] = "latest"
    ) -> AsyncIterator[Alert]:
        """Answer the alerts of ``teams`` as they come. An alert may come twice, always with the same id.

        With a ``group``, several subscribers share the alerts and go on where they were after a restart.
        """
        async for record in follow(self.settings, [f"alerts.{team}" for team in teams], group, start):
            try:
                yield read_value(Alert, open_envelope(record).data)
            except Rejected:
                continue  # somebody else's record; the workers put it into `rejects`

    async def timeline(self, who: str, newest: int = TIMELINE_MOMENTS_MAX) -> Told | None:
        """Answer the timeline of a person or a handle (an e-mail, a phone number, 'kind:value'); None if unknown."""
        from pipeline.stores.redis import open_stores  # Redis is an extra: who only publishes does without

        stores = open_stores(self.settings.redis, self.settings.redis_prefix)
        try:
            person = await find_person(who, stores.identities, stores.timelines, self._region)
            if person is None:
                return None
            state = (await stores.timelines.load({person: ()}))[0][person]
            entries = await stores.timelines.entries(person, newest)
            cases = await stores.cases.load([person, *sorted(state.figures.aliases)])
            moments = tuple(Moment.model_validate(open_envelope_body(entry.body)) for entry in entries)
            return Told(
                person, state.figures, moments, tuple(c for several in cases.values() for c in several.values())
            )
        finally:
            await stores.close()


def open_envelope_body(body: bytes) -> Any:
    """Answer the Moment that a timeline keeps. Raises HeartlineError where it is damaged."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HeartlineError(f"a timeline entry is damaged ({error.msg}); run a rebuild from the log") from None
