"""The contract of Cases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.cases import Case
from pipeline.domain.identity import Handle, case_id
from pipeline.ports import Cases

each_example_has_its_own_shelf = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def case(person: str = "p1-a", touchpoint: str = "billing", **more: object) -> Case:
    """Answer a case, all of it told apart by what is given."""
    values = {
        "id": case_id(person, touchpoint, "alert"),
        "version": 1,
        "person": person,
        "touchpoint": touchpoint,
        "team": "care",
        "severity": "high",
        "opened_at": NOON,
        "respond_by": NOON + timedelta(hours=4),
        "hurts": 1,
        "alerts": ("alert",),
        "primary": "neglected",
        "text": "Nobody answers.\nStill nobody. 😶",
        "handles": (Handle(kind="email", value="a@x.org"),),
        **more,
    }
    return Case.model_validate(values)


async def test_a_case_comes_back_as_it_was_saved(shelf: Callable) -> None:
    """Whatever a case holds is the same after save and load; a person without one has none."""
    cases: Cases = shelf().cases
    assert list(await cases.save([case(extra="kept")])) == [True]
    assert dict(await cases.load(["p1-a", "p1-b", "p1-a"])) == {"p1-a": {"billing": case(extra="kept")}, "p1-b": {}}
    assert dict(await cases.load([])) == {}
    assert list(await cases.save([])) == []


async def test_only_the_next_version_is_written(shelf: Callable) -> None:
    """A version that is not the kept one plus one answers False and changes nothing."""
    cases: Cases = shelf().cases
    assert list(await cases.save([case(), case(version=2, hurts=2), case(version=2, hurts=9)])) == [True, True, False]
    assert list(await cases.save([case(), case(version=4), case(version=2)])) == [False, False, False]
    assert (await cases.load(["p1-a"]))["p1-a"]["billing"].hurts == 2
    assert len(await cases.newest(None, 10)) == 1


async def test_a_lost_case_comes_back(shelf: Callable) -> None:
    """Where none is kept, a case is taken at whatever version it stands, and goes on from there."""
    cases: Cases = shelf().cases
    assert list(await cases.save([case(version=7), case(version=7), case(version=8, hurts=3)])) == [True, False, True]
    assert (await cases.load(["p1-a"]))["p1-a"]["billing"].hurts == 3


async def test_a_stale_case_does_not_hinder_its_neighbours(shelf: Callable) -> None:
    """Each case of a batch is answered for itself, in order, over all buckets."""
    cases: Cases = shelf().cases
    persons = [f"p1-{number}" for number in range(200)]
    await cases.save([case(person) for person in persons])
    batch = [case(person, version=2 + number % 2) for number, person in enumerate(persons)]
    assert list(await cases.save(batch)) == [number % 2 == 0 for number in range(200)]
    loaded = await cases.load(persons)
    assert [loaded[person]["billing"].version for person in persons] == [2 - number % 2 for number in range(200)]


async def test_cases_of_other_touchpoints_are_others(shelf: Callable) -> None:
    """A person may have one open case for each touchpoint, whatever its name is made of."""
    cases: Cases = shelf().cases
    touchpoints = ["billing", "bill", "a\nb", "a", "{x}", "ä b:c"]
    assert all(await cases.save([case(touchpoint=touchpoint) for touchpoint in touchpoints]))
    loaded = (await cases.load(["p1-a"]))["p1-a"]
    assert {name: kept.touchpoint for name, kept in loaded.items()} == {name: name for name in touchpoints}
    assert len(await cases.newest(None, 10)) == len(touchpoints)


async def test_a_case_that_changes_its_team_is_listed_there(shelf: Callable) -> None:
    """The old team no longer sees it, the new one does."""
    cases: Cases = shelf().cases
    await cases.save([case()])
    await cases.save([case(version=2, team="billing")])
    assert list(await cases.newest("care", 10)) == []
    assert list(await cases.newest("billing", 10)) == [case(version=2, team="billing")]


async def test_newest_takes_the_limit_at_its_word(shelf: Callable) -> None:
    """No case for a limit of 0 or less, and none for a team that has none."""
    cases: Cases = shelf().cases
    await cases.save([case()])
    assert [list(await cases.newest(None, limit)) for limit in (0, -1)] == [[], []]
    assert list(await cases.newest("nobody", 5)) == []


@each_example_has_its_own_shelf
@given(
    opened=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["care", "billing"])), max_size=12),
    team=st.sampled_from([None, "care", "billing"]),
    limit=st.integers(1, 15),
)
async def test_newest_first(shelf: Callable, opened: list[tuple[int, str]], team: str | None, limit: int) -> None:
    """The listing is by the time of opening, newest first, then by person, cut at the limit, of the team asked for."""
    cases: Cases = shelf().cases
    batch = [
        case(f"p1-{number:02}", opened_at=NOON + timedelta(milliseconds=at), team=owner)
        for number, (at, owner) in enumerate(opened)
    ]
    assert all(await cases.save(batch))
    expected = sorted((kept for kept in batch if team in (None, kept.team)), key=lambda kept: kept.person)
    expected.sort(key=lambda kept: kept.opened_at, reverse=True)
    assert list(await cases.newest(team, limit)) == expected[:limit]
