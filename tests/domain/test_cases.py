"""Cases: further hurts join, and never make it later or milder."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.cases import brought_home, join, open_case
from pipeline.domain.events import Alert
from pipeline.domain.limits import CASE_ALERTS_MAX
from tests.makers import NOON, alert

RANK = {"low": 0, "normal": 1, "high": 2}
ALERTS = st.builds(
    lambda number, severity, hours: alert(number, severity=severity, respond_by=NOON + timedelta(hours=hours)),
    st.integers(1, 6),
    st.sampled_from(sorted(RANK)),
    st.integers(1, 72),
)


@settings(max_examples=40)
@given(st.lists(ALERTS, min_size=1, max_size=8))
def test_the_deadline_only_nears_and_the_severity_only_rises(alerts: list[Alert]) -> None:
    """A case's deadline is the earliest and its severity the highest of the alerts that joined, each joined once."""
    case = open_case(alerts[0])
    joined = {alerts[0].id: alerts[0]}
    for each in alerts[1:]:
        before = case
        case = join(case, each)
        joined.setdefault(each.id, each)
        assert case.respond_by <= before.respond_by
        assert RANK[case.severity] >= RANK[before.severity]
    assert case.respond_by == min(each.respond_by for each in joined.values())
    assert RANK[case.severity] == max(RANK[each.severity] for each in joined.values())
    assert case.hurts == case.version == len(case.alerts) == len(joined)


@settings(max_examples=30)
@given(ALERTS, ALERTS)
def test_joining_twice_is_joining_once(first: Alert, second: Alert) -> None:
    """An alert that comes again leaves the very same case."""
    case = join(open_case(first), second)
    assert join(case, second) is case
    assert join(case, first) is case


def test_a_case_says_what_its_alert_says() -> None:
    """An opened case carries person, place, team, deadline, words and address of its alert, at version 1."""
    raised = alert(reply_to="ana@example.com")
    case = open_case(raised)
    assert (case.person, case.touchpoint, case.team) == (raised.person, raised.touchpoint, raised.team)
    assert (case.severity, case.respond_by, case.opened_at) == (raised.severity, raised.respond_by, raised.raised_at)
    assert (case.text, case.primary, case.reply_to) == (raised.text, "neglected", "ana@example.com")
    assert (case.version, case.hurts, case.alerts, case.state) == (1, 1, (raised.id,), "open")
    assert case.id == open_case(raised).id != open_case(alert(2)).id


def test_the_newest_words_and_a_known_address_stay() -> None:
    """A joined alert brings its words; without an address of its own it leaves the known one."""
    case = join(open_case(alert(1, reply_to="ana@example.com")), alert(2, text="again", reply_to=None))
    assert (case.text, case.reply_to) == ("again", "ana@example.com")


def test_a_full_case_does_not_change() -> None:
    """Past the limit an alert changes nothing, so that one which comes again cannot be counted twice."""
    case = open_case(alert()).model_copy(update={"alerts": tuple(f"a-{n}" for n in range(CASE_ALERTS_MAX))})
    assert join(case, alert(2)) is case


def test_cases_come_home_to_who_somebody_proved_to_be() -> None:
    """A case goes to the last id of its person; the elder of two answers for both, and nothing is answered twice."""
    late, early = alert(1, person="p3-b", raised_at=NOON), alert(2, raised_at=NOON - timedelta(hours=1))
    elder, younger, other = open_case(early), open_case(late), open_case(alert(3, person="p4-c", touchpoint="app"))
    home = brought_home([younger, other, elder], {"p3-b": "p1-a", "p4-c": "p1-a"})
    assert [(case.id, case.person, case.touchpoint) for case in home] == [
        (elder.id, "p1-a", "billing"),
        (other.id, "p1-a", "app"),
        (younger.id, "p3-b", "billing"),
    ]
    assert (home[0].alerts, home[0].hurts) == ((early.id, late.id), 2)
    assert home[2] == younger
    assert brought_home([elder, younger], {}) == [elder, younger]
