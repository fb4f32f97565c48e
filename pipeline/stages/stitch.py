"""Stitch: whose is it? From handles to one person across all channels.

Handles that are seen together become one person (pipeline.domain.identity). When two persons prove to be one, the
larger id moves into the smaller: a Merge goes to the larger one's partition of ``moments``, where `remember` moves
its timeline and forwards whatever still comes for it. The order of the three steps is what makes a crash harmless:

1. the Merges are sent and confirmed, 2. the handles are claimed, compare-and-set, 3. the moments are sent.

A crash before 2 repeats 1, and a Merge said twice is said once; a claim that fails (another worker linked the
handle meanwhile) starts over with what is known now.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from pipeline.domain.envelope import Record, seal
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import Link, Merge, Moment, Origin
from pipeline.domain.identity import anonymous_person, moment_id, normalise, own_person
from pipeline.domain.limits import FUTURE_SECONDS_MAX, VERSION_TRIES_MAX
from pipeline.ports import Claim, Send
from pipeline.stages.read import Read
from pipeline.stages.work import Doors, Outcome

_AHEAD = timedelta(seconds=FUTURE_SECONDS_MAX)


class _Plan(NamedTuple):
    persons: list[str]
    merges: list[Merge]
    claims: list[Claim]
    links: list[Link]


async def stitch(batch: Sequence[Read], doors: Doors, outcome: Outcome) -> Sequence[Moment]:
    """Send each reading, with its person found, to ``moments``."""
    region = doors.policy.phone_region
    ids = [moment_id(read.feedback.source, read.feedback.id) for read in batch]
    handles = [_handles(read, region) for read in batch]
    arrivals = [arrival(read.record) for read in batch]
    wanted = list({handle for several in handles for handle in several})
    for _ in range(VERSION_TRIES_MAX):
        found = dict(zip(wanted, await doors.identities.find(wanted), strict=True)) if wanted else {}
        plan = _plan(ids, handles, arrivals, found)
        if not plan.claims:
            break
        await doors.bus.send([send_merge(merge) for merge in plan.merges])
        if all(await doors.identities.claim(plan.claims)):
            outcome.sends += [_link(link) for link in plan.links]
            break
    else:
        raise Unavailable("identities: other workers keep linking the same handles; will be tried again")
    moments = [_moment(*each) for each in zip(batch, ids, plan.persons, arrivals, strict=True)]
    outcome.sends += [send_moment(moment) for moment in moments]
    return moments


def arrival(record: Record) -> datetime:
    """Answer when Kafka got ``record``."""
    return _at(record.timestamp)


@lru_cache(maxsize=4_096)  # several steps ask it of each record, and records arrive many in a millisecond
def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _handles(read: Read, region: str) -> tuple[str, ...]:
    normal = [normalise(handle.kind, handle.value, region) for handle in read.feedback.handles]
    return tuple(dict.fromkeys([handle for handle in normal if handle]))


def _plan(
    ids: Sequence[str],
    handles: Sequence[tuple[str, ...]],
    arrivals: Sequence[datetime],
    found: Mapping[str, str | None],
) -> _Plan:
    now: dict[str, str] = {handle: person or own_person(handle) for handle, person in found.items()}
    merges: dict[tuple[str, str], Merge] = {}
    evidence: dict[str, tuple[str, datetime]] = {}
    for moment, several, at in zip(ids, handles, arrivals, strict=True):
        if len(several) < 2:
            continue
        least = min(now[handle] for handle in several)
        for handle in several:
            person = now[handle]
            if person != least:
                merges[person, least] = Merge(person=person, into=least, evidence=moment, at=at)
                evidence[handle] = (moment, at)
                now[handle] = least
    claims = [
        Claim(handle, now[handle], person)
        for handle, person in found.items()
        if now[handle] != (person or own_person(handle))
    ]
    links = [
        Link(
            handle=c.handle,
            person=c.person,
            rule="seen_together",
            evidence=evidence[c.handle][0],
            at=evidence[c.handle][1],
        )
        for c in claims
    ]
    persons = [
        min(now[handle] for handle in several) if several else anonymous_person(moment)
        for moment, several in zip(ids, handles, strict=True)
    ]
    return _Plan(persons, list(merges.values()), claims, links)


def _moment(read: Read, moment: str, person: str, arrived: datetime) -> Moment:
    feedback = read.feedback
    return Moment.made(
        {
            "id": moment,
            "person": person,
            # Nobody speaks in the future: a clock that runs ahead is not believed.
            "at": feedback.at if feedback.at <= arrived + _AHEAD else arrived,
            "arrived": arrived,
            "feedback": feedback,
            "reading": read.reading,
            "origin": Origin.made({"partition": read.record.partition, "offset": read.record.offset}),
            "moved_from": None,
            "moved_before": None,
            "read": None,
            "corrections": None,
        }
    )


def send_moment(moment: Moment) -> Send:
    """Answer ``moment`` as a record of topic ``moments``."""
    return Send(
        "moments",
        moment.person.encode(),
        moment.__pydantic_serializer__.to_json(moment, exclude_none=True),
        seal("moment.stitched", moment.id, moment.feedback.source, moment.at.isoformat(), moment.person),
    )


def send_merge(merge: Merge) -> Send:
    """Answer ``merge`` as a record of topic ``moments``, on the partition of the person that moves."""
    return Send(
        "moments",
        merge.person.encode(),
        merge.model_dump_json().encode(),
        seal("person.merged", f"{merge.person}/{merge.into}", "/heartline/stitch", merge.at.isoformat(), merge.person),
    )


def _link(link: Link) -> Send:
    return Send(
        "links",
        link.handle.encode(),
        link.model_dump_json().encode(),
        seal("handle.linked", f"{link.handle}/{link.person}", "/heartline/stitch", link.at.isoformat(), link.person),
    )
