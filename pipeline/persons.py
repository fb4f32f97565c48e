"""Who is who, as the log tells it: links of handles, and merges as long as ``moments`` holds them."""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.buses.feed import whole
from pipeline.domain.envelope import Record, open_envelope, read_value
from pipeline.domain.errors import Rejected
from pipeline.domain.events import Link, Merge
from pipeline.domain.identity import own_person, proved_one
from pipeline.flow import STEPS, parse
from pipeline.settings import Settings

_MOMENTS = next(step for step in STEPS if step.topic == "moments")


class Known(NamedTuple):
    """``handles``: which person each leads to in the end. ``persons``: whom each proved to be, of those that did."""

    handles: Mapping[str, str]
    persons: Mapping[str, str]


async def who_is_who(settings: Settings) -> Known:
    """Answer what the log knows. Raises Unavailable."""
    links: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    async for record in whole(settings, ["links"]):
        if link := link_of(record):
            links[link.handle] = link.person
            pairs.append((own_person(link.handle), link.person))
    async for record in whole(settings, ["moments"]):
        try:
            event = parse(_MOMENTS, record)
        except Rejected:
            continue
        if isinstance(event, Merge):
            pairs.append((event.person, event.into))
    persons = proved_one(pairs)
    return Known({handle: persons.get(person, person) for handle, person in links.items()}, persons)


def link_of(record: Record) -> Link | None:
    """Answer the link in a record of ``links``; None where somebody else put something else there, or deleted it."""
    try:
        return read_value(Link, open_envelope(record).data)
    except Rejected:
        return None
