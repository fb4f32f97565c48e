"""The contract of Identities."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ports import Claim, Identities

each_example_has_its_own_shelf = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
names = st.sampled_from(["a", "b", "c", "d"])


async def test_an_unlinked_handle_leads_to_nobody(shelf: Callable) -> None:
    """A handle that nobody claimed answers None, in the place of its question."""
    identities: Identities = shelf().identities
    await identities.claim([Claim("email:a@x.org", "p3-a", None)])
    assert list(await identities.find(["phone:+1", "email:a@x.org", "phone:+1"])) == [None, "p3-a", None]
    assert list(await identities.find([])) == []
    assert list(await identities.claim([])) == []


async def test_a_claim_against_the_wrong_expectation_changes_nothing(shelf: Callable) -> None:
    """Whoever expects what is no longer so is told False, and the handle leads where it led."""
    identities: Identities = shelf().identities
    assert list(await identities.claim([Claim("h", "p1", None), Claim("h", "p2", None), Claim("h", "p3", "p9")])) == [
        True,
        False,
        False,
    ]
    assert list(await identities.find(["h"])) == ["p1"]
    assert list(await identities.claim([Claim("h", "p2", "p1")])) == [True]
    assert list(await identities.find(["h"])) == ["p2"]
    assert list(await identities.claim([Claim("g", "p1", "p0")])) == [False]
    assert list(await identities.find(["g"])) == [None]


async def test_a_claim_may_be_made_twice(shelf: Callable) -> None:
    """A claim whose first answer got lost is answered True the second time: the handle leads to the person."""
    identities: Identities = shelf().identities
    claim = Claim("h", "p1", None)
    assert list(await identities.claim([claim])) == list(await identities.claim([claim])) == [True]


async def test_many_handles_of_all_buckets_keep_their_order(shelf: Callable) -> None:
    """Answers stand in the order of the questions, however the handles spread over the buckets."""
    identities: Identities = shelf().identities
    handles = [f"social:{number}" for number in range(500)]
    assert all(await identities.claim([Claim(handle, f"p-{handle}", None) for handle in handles]))
    assert list(await identities.find(handles[::-1])) == [f"p-{handle}" for handle in handles[::-1]]


async def test_hostile_handles_stay_apart(shelf: Callable) -> None:
    """Braces, line feeds, spaces, wildcards and any script are only characters of a handle."""
    identities: Identities = shelf().identities
    handles = ["a{b}", "a\nb", "a b", "a*", "ä", "a", "{b1}", "😀", "a\x00b"]
    assert all(await identities.claim([Claim(handle, f"p{at}", None) for at, handle in enumerate(handles)]))
    assert list(await identities.find(handles)) == [f"p{at}" for at in range(len(handles))]


@each_example_has_its_own_shelf
@given(batches=st.lists(st.lists(st.builds(Claim, names, names, st.none() | names), max_size=5), max_size=5))
async def test_claims_compare_and_set_in_order(shelf: Callable, batches: list[list[Claim]]) -> None:
    """Any claims in any batches end as if each were compared and set alone, one after the other."""
    identities: Identities = shelf().identities
    leads: dict[str, str] = {}
    for batch in batches:
        expected = []
        for handle, person, before in batch:
            won = leads.get(handle) in (before, person)
            if won:
                leads[handle] = person
            expected.append(won)
        assert list(await identities.claim(batch)) == expected
        assert list(await identities.find(["a", "b", "c", "d"])) == [leads.get(handle) for handle in "abcd"]
