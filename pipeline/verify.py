"""Verify: gather what went in and what came out, and hold one against the other (pipeline.domain.ledger).

Everything is read and nothing is changed, so it may run beside the workers; but what is still on its way would look
lost, so by default the workers' lag is waited for.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson
from pydantic import ValidationError

from pipeline.buses.feed import whole
from pipeline.buses.topics import lags
from pipeline.clocks import SystemClock
from pipeline.domain.cases import Case
from pipeline.domain.correction import Correction
from pipeline.domain.envelope import Record
from pipeline.domain.errors import Misconfigured, Rejected
from pipeline.domain.events import Feedback, Merge, Moment
from pipeline.domain.identity import alert_id, moment_id, own_person
from pipeline.domain.ledger import Corrected, Evidence, Heard, Kept, Noted, Place, Raised, Report, Stitched, check
from pipeline.domain.policy import Policy
from pipeline.domain.routing import rule_of
from pipeline.domain.timeline import correct, milliseconds, touchpoint_of
from pipeline.flow import STEPS, parse
from pipeline.persons import link_of
from pipeline.ports import Clock
from pipeline.settings import Settings

POLL_SECONDS = 0.5
WAIT_SECONDS = 60.0
OUTBOX_LOOKS = 4
_STEPS = {step.topic: step for step in STEPS}


class Inventory(Protocol):
    """All that the timelines hold."""

    def kept(self) -> AsyncIterator[Kept]:
        """Answer the timeline of every person, each once."""

    async def outbox(self) -> list[str]:
        """Answer the ids of the alerts whose delivery is not confirmed."""


class Gathered:
    """Takes in the records of every topic, one after the other, and makes the evidence of them."""

    def __init__(self, policy: Policy, prefix: str = "") -> None:
        self._policy = policy
        self._prefix = prefix
        self._heard: list[Heard] = []
        self._stitched: list[Stitched] = []
        self._corrections: dict[str, list[tuple[Place, Correction]]] = defaultdict(list)
        self._corrected: dict[str, list[Corrected]] = {}
        self._raised: list[Raised] = []
        self._cases: dict[tuple[str, int], Case] = {}
        self._one: list[tuple[str, str]] = []
        self._rejected: dict[Place, str] = {}
        self._firsts: dict[int, tuple[int, int]] = {}

    def take(self, record: Record) -> None:
        """Take in one record of any topic of the house; those that say nothing here are passed over."""
        place = Place(record.topic.removeprefix(self._prefix), record.partition, record.offset)
        name = place.topic.partition(".")[0]
        if name == "feedback":
            self._hear(place, record)
        elif name == "rejects":
            self._refuse(record)
        elif name == "cases":
            self._answer(record)
        elif name == "links":
            if link := link_of(record):
                self._one.append((own_person(link.handle), link.person))
        elif name in _STEPS:
            self._follow(name, place, record)

    def _hear(self, place: Place, record: Record) -> None:
        self._firsts.setdefault(place.partition, (place.offset, record.timestamp))
        moment = None
        try:
            event = parse(_STEPS["feedback"], record)
        except Rejected:
            pass  # its place has to be in rejects
        else:
            if isinstance(event, Feedback):
                moment = moment_id(event.source, event.id)
        self._heard.append(Heard(place, record.timestamp, moment))

    def _follow(self, name: str, place: Place, record: Record) -> None:
        try:
            event: Any = parse(_STEPS[name], record)
        except Rejected:
            return  # somebody else's; whether it is in rejects cannot be told from feedback
        if isinstance(event, Moment):
            origin = None if event.origin is None else (event.origin.partition, event.origin.offset)
            at_ms, wanted = milliseconds(event.at), self._wanted(event)
            self._stitched.append(Stitched(place, event.id, event.person, at_ms, origin, wanted))
        elif isinstance(event, Correction):
            self._corrections[event.moment].append((place, event))
        elif isinstance(event, Merge):
            self._one.append((event.person, event.into))
        elif name == "alerts":
            self._raised.append(Raised(place, event.id, event.moment, event.policy, event.opens_case))

    @property
    def corrects(self) -> bool:
        """Whether anything was corrected: then the records of ``moments`` have to be weighed as well."""
        return bool(self._corrections)

    def weigh(self, record: Record) -> None:
        """Take in a record of ``moments`` once more, now that all corrections are known: what they make of it."""
        try:
            event = parse(_STEPS["moments"], record)
        except Rejected:
            return
        if isinstance(event, Moment) and event.id in self._corrections:
            self._corrected[event.id] = [
                Corrected(place, event.id, told.person, told.order, self._wanted(correct(event, [told])))
                for place, told in self._corrections[event.id]
            ]

    def _wanted(self, moment: Moment) -> tuple[str, str] | None:
        rule = rule_of(moment, self._policy)
        if rule is None:
            return None
        touchpoint = touchpoint_of(moment, self._policy)
        return alert_id(moment.id, rule.name), rule.team or touchpoint.team

    def _refuse(self, record: Record) -> None:
        headers = dict(record.headers)
        try:
            topic = headers["reject-topic"].decode().removeprefix(self._prefix)
            place = Place(topic, int(headers["reject-partition"]), int(headers["reject-offset"]))
            self._rejected.setdefault(place, headers["reject-reason"].decode())
        except (KeyError, ValueError):
            return  # not put there by a worker

    def _answer(self, record: Record) -> None:
        try:
            case = Case.model_validate_json(record.value or b"")
        except ValidationError:
            return
        self._cases[case.id, case.version] = case

    def _horizon_ms(self) -> int | None:
        return max((arrived for offset, arrived in self._firsts.values() if offset > 0), default=None)

    def evidence(
        self,
        kept: Sequence[Kept],
        outbox: Sequence[str],
        noted: Sequence[Noted] = (),
        lag: dict[str, int] | None = None,
    ) -> Evidence:
        """Answer the evidence, together with what was not read from topics."""
        return Evidence(
            heard=self._heard,
            stitched=self._stitched,
            corrected=[each for several in self._corrected.values() for each in several],
            kept=kept,
            rejected=self._rejected,
            raised=self._raised,
            cases=tuple(self._cases.values()),
            outbox=outbox,
            noted=noted,
            lag=lag or {},
            policy=self._policy.version,
            horizon_ms=self._horizon_ms(),
            one=self._one,
        )


def read_ledger(path: Path) -> list[Noted]:
    """Read the notes of `heartline publish --ledger`. Raises Misconfigured, naming the line."""
    notes = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Misconfigured(f"the ledger {path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = orjson.loads(line)
            source, event, state = told["source"], told["id"], told["state"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            source = event = state = None
        if state == "fail" and (source is None or event is None):
            continue  # a row that was refused before it was an event
        if not isinstance(source, str) or not isinstance(event, str) or state not in {"ok", "fail", "info"}:
            if number == len(lines):
                continue  # a producer that was killed leaves half a line
            raise Misconfigured(f'{path}:{number}: expected {{"id": …, "source": …, "state": "ok"|"fail"|"info"}}')
        notes.append(Noted(moment_id(source, event), source, event, state))
    return notes


async def verify(
    settings: Settings,
    policy: Policy,
    *,
    ledgers: Iterable[Path] = (),
    wait_seconds: float = WAIT_SECONDS,
    clock: Clock | None = None,
) -> Report:
    """Wait until the workers have read everything, at most ``wait_seconds``, and check. Raises Unavailable."""
    from pipeline.stores.redis import open_stores  # Redis is an extra: who only publishes does without
    from pipeline.stores.redis.inventory import RedisInventory

    clock = clock or SystemClock()
    noted = [note for path in ledgers for note in read_ledger(path)]
    gathered = Gathered(policy, settings.prefix)
    async for record in whole(settings, ["feedback"]):
        gathered.take(record)
    lag = await drained(settings, policy, wait_seconds, clock)
    stores = open_stores(settings.redis, settings.redis_prefix)
    try:
        inventory = RedisInventory(stores.client, settings.redis_prefix)
        kept = [each async for each in inventory.kept()]
        outbox = await _waiting(inventory, clock)
    finally:
        await stores.close()
    teams = [f"alerts.{team}" for team in policy.teams]
    async for record in whole(settings, ["moments", *teams, "cases", "rejects", "links"]):
        gathered.take(record)
    if gathered.corrects:
        async for record in whole(settings, ["moments"]):
            gathered.weigh(record)
    return check(gathered.evidence(kept, outbox, noted, lag))


async def _waiting(inventory: Inventory, clock: Clock) -> list[str]:
    """Answer what stays in the outboxes; where events come in, there is always something that passes through."""
    waiting = await inventory.outbox()
    for _ in range(OUTBOX_LOOKS):
        if not waiting:
            break
        await clock.sleep(POLL_SECONDS)
        still = set(await inventory.outbox())
        waiting = [alert for alert in waiting if alert in still]
    return waiting


async def drained(settings: Settings, policy: Policy, wait_seconds: float, clock: Clock) -> dict[str, int]:
    """Wait until the workers have read everything, at most ``wait_seconds``; answer what they have not, by topic."""
    names = ["feedback", "moments", *(f"alerts.{team}" for team in policy.teams)]
    topics = [settings.topic(name) for name in names]
    end = clock.seconds() + wait_seconds
    while True:
        found = await lags(settings, topics)
        lag = {each.topic.removeprefix(settings.prefix): each.lag for each in found}
        if not any(lag.values()) or clock.seconds() >= end:
            return lag
        await clock.sleep(POLL_SECONDS)
