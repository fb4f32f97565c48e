"""Stitch: the final persons and timelines do not depend on who arrives first."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.errors import Unavailable
from pipeline.domain.identity import anonymous_person, moment_id, normalise, own_person
from pipeline.domain.limits import FUTURE_SECONDS_MAX, VERSION_TRIES_MAX
from pipeline.flow import carry
from pipeline.ports import Claim
from pipeline.stores.memory import MemoryIdentities
from tests.makers import NOON, NOON_MS, POLICY, publishing, record, said, world

KINDS = ("customer_id", "email", "phone", "social")
VALUES = {
    "customer_id": [f"C-{n}" for n in range(4)],
    "email": [f"{name}@example.com" for name in ("ana", "Ben", "cy", "dee")],
    "phone": ["020 7946 0018", "+44 7700 900555", "07700900001", "07700 900 002"],
    "social": ["@Ana", "ben", "@cy", "Dee"],
}
HANDLE = st.sampled_from([(kind, value) for kind in KINDS for value in VALUES[kind]])
TEXT = st.sampled_from([f"{emotion}{mark}" for emotion in EMOTIONS[5:18:2] for mark in ("", "!")] + ["nothing"])
STORY = st.lists(st.tuples(TEXT, st.lists(HANDLE, max_size=3, unique=True)), min_size=1, max_size=14)


CHANCE = st.randoms(use_true_random=False)
T = TypeVar("T")


class Chance(Protocol):
    """A source of chance that hypothesis can repeat."""

    def sample(self, several: Sequence[T], count: int) -> list[T]:
        """Answer ``count`` of ``several``, in any order."""

    def random(self) -> float:
        """Answer a number from 0 to 1."""

    def randint(self, least: int, most: int) -> int:
        """Answer a whole number."""


def normal(handles: Sequence[tuple[str, str]]) -> list[str]:
    """Answer the handles in the form that is compared."""
    return [handle for kind, value in handles if (handle := normalise(kind, value, POLICY.phone_region))]


def whose(story: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> dict[str, list[str]]:
    """Answer person → moments by plain union-find over all handles at once."""
    parent: dict[str, str] = {}

    def root(handle: str) -> str:
        while parent.setdefault(handle, handle) != handle:
            handle = parent[handle]
        return handle

    for _, handles in story:
        several = normal(handles)
        for handle in several:
            parent[root(handle)] = root(several[0])
    least: dict[str, str] = {}
    for handle in list(parent):
        least[root(handle)] = min(least.get(root(handle), "q"), own_person(handle))
    told: dict[str, list[str]] = {}
    for number, (_, handles) in enumerate(story):
        moment = moment_id("/channels/chat", f"f-{number}")
        several = normal(handles)
        person = least[root(several[0])] if several else anonymous_person(moment)
        told.setdefault(person, []).append(moment)
    return told


async def lived(story: Sequence[dict[str, Any]], batch_events: int, partitions: int) -> Any:
    """Answer the digest of a world in which ``story`` came in that order."""
    here = world(partitions=partitions)
    await here.publish(*story)
    await here.run(batch_events)
    assert here.values("rejects") == []
    assert await here.identities.find([]) == []
    return await here.digest()


@settings(max_examples=60)
@given(STORY, CHANCE, st.integers(1, 6), st.sampled_from([1, 2, 8]))
async def test_persons_do_not_depend_on_the_order(
    story: list[tuple[str, list[tuple[str, str]]]], chance: Chance, batch_events: int, partitions: int
) -> None:
    """In any order of arrival, in any batches, on any partitions, duplicates included: the same living persons.

    They are those that plain union-find over all handles finds, each with the same moments and the same figures, to
    the integer of the trust.
    """
    await same_persons(story, chance, batch_events, partitions)


async def same_persons(
    story: list[tuple[str, list[tuple[str, str]]]], chance: Chance, batch_events: int, partitions: int
) -> None:
    """Let the story come straight and shuffled, and compare both with union-find."""
    data = [said(number, text, handles) for number, (text, handles) in enumerate(story)]
    twice = data + data[::3]
    shuffled = chance.sample(twice, len(twice))
    straight = await lived(data, 500, 4)
    assert await lived(shuffled, batch_events, partitions) == straight
    assert {person: sorted(entries) for person, (entries, _, _) in straight.items() if entries} == {
        person: sorted(moments) for person, moments in whose(story).items()
    }


@pytest.mark.chaos
@settings(max_examples=1_500)
@given(STORY, CHANCE, st.integers(1, 6), st.sampled_from([1, 2, 8]))
async def test_persons_do_not_depend_on_the_order_at_length(
    story: list[tuple[str, list[tuple[str, str]]]], chance: Chance, batch_events: int, partitions: int
) -> None:
    """The same, for many more stories."""
    await same_persons(story, chance, batch_events, partitions)


@settings(max_examples=25)
@given(STORY, CHANCE)
async def test_interleaved_arrival_changes_nothing(
    story: list[tuple[str, list[tuple[str, str]]]], chance: Chance
) -> None:
    """Events that come while others are half-way through the flow end up with the same persons and figures."""
    data = [said(number, text, handles) for number, (text, handles) in enumerate(story)]
    here = world()
    for each in chance.sample(data, len(data)):
        await here.publish(each)
        if chance.random() < 0.5:
            await here.bus.step(here.doors, chance.randint(1, 3))
    await here.run(chance.randint(1, 4))
    assert await here.digest() == await lived(data, 500, 4)


async def test_each_surviving_handle_leads_to_the_least_person() -> None:
    """After a chain of meetings every handle leads, through the moves, to the strongest handle's person."""
    here = world()
    await here.publish(
        said(1, "happy", {"social": "ana", "phone": "020 7946 0018"}),
        said(2, "happy", {"phone": "020 7946 0018", "email": "ana@example.com"}),
        said(3, "happy", {"email": "ana@example.com", "customer_id": "C-1"}),
    )
    await here.run(1)
    digest = await here.digest()
    assert list(digest) == [own_person("customer_id:C-1")]
    assert len(digest[own_person("customer_id:C-1")][0]) == 3


async def test_without_handles_everybody_is_somebody_else() -> None:
    """Two feedbacks without a usable handle are of two persons, the same ones when they come again."""
    here = world()
    for _ in range(2):
        await here.publish(said(1, "happy", {}), said(2, "happy", {"device": "x", "phone": "nonsense"}))
    await here.run()
    assert {person[:3] for person in await here.digest()} == {"p9-"}
    assert [len(entries) for entries, _, _ in (await here.digest()).values()] == [1, 1]


async def test_the_same_handle_twice_is_no_meeting() -> None:
    """Two spellings of one handle on one feedback link nothing."""
    here = world()
    await here.publish(said(1, "happy", [("email", "Ana@example.com"), ("email", "ana@EXAMPLE.com")]))
    await here.run()
    assert here.values("links") == []
    assert list(await here.digest()) == [own_person("email:ana@example.com")]


async def test_a_link_keeps_its_evidence() -> None:
    """When two handles meet, the one that moves is told on links with the moment that showed it."""
    here = world()
    await here.publish(said(1, "happy", {"customer_id": "C-1", "email": "ana@example.com"}))
    await here.run()
    (link,) = here.values("links")
    assert (link["handle"], link["person"]) == ("email:ana@example.com", own_person("customer_id:C-1"))
    assert (link["rule"], link["evidence"]) == ("seen_together", moment_id("/channels/chat", "f-1"))


@pytest.mark.parametrize(
    ("ahead", "believed"),
    [(-86_400 * 900, True), (0, True), (FUTURE_SECONDS_MAX, True), (FUTURE_SECONDS_MAX + 1, False)],
)
async def test_nobody_speaks_in_the_future(ahead: int, believed: bool) -> None:
    """A time up to five minutes ahead of the arrival, or long past, is kept; one further ahead is the arrival's."""
    here = world()
    at = NOON + timedelta(seconds=ahead)
    here.bus.append(publishing(said(1, "happy", {"email": "a@example.com"}, at=at.isoformat())), NOON_MS)
    await here.run()
    ((entries, figures, _),) = (await here.digest()).values()
    assert figures.last_ms == (round(at.timestamp() * 1000) if believed else NOON_MS)
    assert len(entries) == 1


class Contested(MemoryIdentities):
    """Identities in which another worker is faster, a number of times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def claim(self, claims: Sequence[Claim]) -> Sequence[bool]:
        """Let the other worker link the handle to a lesser person first."""
        if self.times:
            self.times -= 1
            await super().claim([claims[0]._replace(person=f"p1-{self.times:02}")])
        return await super().claim(claims)


async def test_a_lost_claim_decides_again() -> None:
    """Where another worker links the handle first, the moment goes to the person that it leads to now."""
    here = world()
    here.change(identities=Contested(1))
    await here.publish(said(1, "happy", {"customer_id": "C-1", "email": "ana@example.com"}))
    await here.run()
    ((entries, _, _),) = (await here.digest()).values()
    assert list(await here.digest()) == ["p1-00"]
    assert len(entries) == 1


async def test_claims_that_are_always_lost_hold_the_line() -> None:
    """When others win every time, the batch is unavailable: nothing of it is lost, it comes again."""
    here = world()
    here.change(identities=Contested(VERSION_TRIES_MAX + 1))
    send = publishing(said(1, "happy", {"customer_id": "C-1", "email": "ana@example.com"}))
    with pytest.raises(Unavailable):
        await carry("feedback", [record(send.value, send.headers)], here.doors)


async def test_merges_are_confirmed_before_the_handle_leads_elsewhere() -> None:
    """The Merge stands on the log before the claim: a crash between them repeats it and forgets nothing."""
    here = world()

    class Watching(MemoryIdentities):
        async def claim(self, claims: Sequence[Claim]) -> Sequence[bool]:
            told = [orjson.loads(r.value or b"") for r in here.bus.records("moments")]
            assert [(each["person"], each["into"]) for each in told] == [
                (own_person("email:ana@example.com"), own_person("customer_id:C-1"))
            ]
            raise Unavailable("the store went away in between")

    here.change(identities=Watching())
    await here.publish(said(1, "happy", {"customer_id": "C-1", "email": "ana@example.com"}))
    with pytest.raises(Unavailable):
        await here.run()
    here.change(identities=here.identities)
    await here.run()
    assert list(await here.digest()) == [own_person("customer_id:C-1")]
