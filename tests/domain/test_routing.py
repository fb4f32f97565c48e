"""Routing: who is told, of what, how soon, and with what words."""

from datetime import timedelta

from pipeline.domain.correction import Correction
from pipeline.domain.emotions import Emotion
from pipeline.domain.events import Alert, Moment
from pipeline.domain.identity import alert_id
from pipeline.domain.policy import Policy, Rule
from pipeline.domain.reading import Span
from pipeline.domain.routing import route
from pipeline.domain.timeline import Figures, add, correct, trust_entry
from tests.makers import NOON, POLICY, moment, reading


def routed(told: Moment, before: tuple[Moment, ...] = (), policy: Policy = POLICY, **cases: str) -> Alert:
    """Answer the alert that a moment raises after others."""
    raised = route(told, add(Figures(), (*before, told), policy), cases, NOON, policy)
    assert raised is not None
    return raised


def test_an_alert_says_who_what_why_and_how_soon() -> None:
    """The alert names team, rule, policy, person, words and deadline, and validates as one."""
    told = moment(text="I am neglected", handles={"email": "a@b.org"}, reply_to="a@b.org")
    spans = (Span(start=5, end=14, emotion=Emotion.NEGLECTED),)
    raised = routed(told.model_copy(update={"reading": reading(Emotion.NEGLECTED, spans=spans)}))
    assert (raised.team, raised.rule, raised.severity) == ("billing", "neglected", "high")
    assert raised.policy == POLICY.version
    assert (raised.person, raised.moment, raised.touchpoint, raised.channel) == ("p1-a", told.id, "billing", "chat")
    assert raised.id == alert_id(told.id, "neglected")
    assert (raised.text, raised.why.words, raised.why.confidence) == ("I am neglected", ("neglected",), 0.9)
    assert raised.why.emotions == {Emotion.NEGLECTED: 2}
    assert raised.respond_by == NOON + timedelta(hours=8)
    assert raised.briefing.playbook == POLICY.playbooks[Emotion.NEGLECTED]
    assert (raised.reply_to, [h.value for h in raised.handles]) == ("a@b.org", ["a@b.org"])
    assert Alert.model_validate(raised.model_dump()) == raised


def test_words_that_show_two_emotions_are_told_once() -> None:
    """Spans of two emotions in one place are one reason."""
    told = moment()
    place = {"start": 5, "end": 14}
    spans = tuple(Span(**place, emotion=emotion) for emotion in (Emotion.NEGLECTED, Emotion.FRUSTRATED))
    raised = routed(told.model_copy(update={"reading": told.reading.model_copy(update={"spans": spans})}))
    assert raised.why.words == (told.feedback.text[5:14],)


def test_the_briefing_tells_what_was_before() -> None:
    """The briefing counts this moment, shows the recent ones without it, the open cases and the balance."""
    before = tuple(moment(number, Emotion.HAPPY) for number in range(5))
    raised = routed(moment(9), before, delivery="case-1")
    assert (raised.briefing.moments, raised.briefing.positive, raised.briefing.negative) == (6, 5, 1)
    assert [brief.at for brief in raised.briefing.recent] == [each.at for each in before[-2:]]
    assert raised.briefing.open_cases == {"delivery": "case-1"}
    assert 0 < raised.briefing.trust < 100


def test_a_joy_raises_nothing() -> None:
    """A moment that no rule matches raises no alert."""
    told = moment(1, Emotion.HAPPY)
    assert route(told, add(Figures(), [told], POLICY), {}, NOON, POLICY) is None


def test_what_moved_was_routed_before() -> None:
    """A moment that comes over from another person raises nothing again."""
    told = moment().model_copy(update={"moved_from": "p2-b"})
    assert route(told, add(Figures(), [told], POLICY), {}, NOON, POLICY) is None


def test_a_rule_may_name_the_team_and_only_shorten_the_deadline() -> None:
    """The rule's team comes before the touchpoint's; its deadline counts when it is sooner than the team's."""

    def of(**given: object) -> Alert:
        rule = Rule.model_validate({"name": "r", **given})
        return routed(moment(), policy=POLICY.model_copy(update={"rules": (rule,)}))

    assert of(team="people").team == "people"
    assert of().team == "billing"
    assert of(respond_within_hours=2).respond_by == NOON + timedelta(hours=2)
    assert of(respond_within_hours=200).respond_by == NOON + timedelta(hours=8)


def test_review_looks_and_opens_no_case() -> None:
    """An uncertain hurt goes to the review team, which opens no case."""
    raised = routed(moment(1, text="?"))
    assert (raised.team, raised.severity, raised.opens_case) == ("review", "low", False)


def test_a_rule_without_emotion_needs_none() -> None:
    """A rule that asks for no emotion can alert on a text in which none is felt; the alert can be read again."""
    told = moment().model_copy(update={"reading": reading()})
    policy = POLICY.model_copy(update={"rules": (Rule(name="every"),)})
    raised = routed(told, policy=policy)
    assert (raised.why.primary, raised.why.confidence, raised.briefing.playbook) == (None, 0.0, None)
    assert Alert.model_validate_json(raised.model_dump_json(exclude_none=True)) == raised


def test_the_same_moment_raises_the_same_alert() -> None:
    """Routed again, a moment raises an alert of the same id; under another rule or for another moment it differs."""
    assert routed(moment(1)).id == routed(moment(1)).id
    assert len({routed(moment(1)).id, routed(moment(2)).id, routed(moment(1, text="!")).id}) == 3


def test_aliases_are_told() -> None:
    """The alert names the persons that proved to be this one, so that their case is found."""
    moved = moment(1).model_copy(update={"moved_from": "p2-b"})
    assert routed(moment(2), (moved,)).aliases == ("p2-b",)


def test_what_hurts_finds_the_team() -> None:
    """Where the channel names no touchpoint, the topic of the hurt does: its team is told, under its name, with why."""
    text = "lovely staff, the invoice neglected"
    spans = (
        Span(start=0, end=6, emotion=Emotion.HAPPY, topic="staff"),
        Span(start=26, end=35, emotion=Emotion.NEGLECTED, topic="billing"),
    )
    read = reading(Emotion.NEGLECTED, spans=spans).model_copy(update={"topics": ("billing", "staff")})

    def of(touchpoint: str | None) -> Alert:
        return routed(moment(text=text, touchpoint=touchpoint).model_copy(update={"reading": read}))

    assert (of(None).team, of(None).touchpoint) == ("billing", "billing")
    assert (of("app").team, of("app").touchpoint) == ("digital", "app")
    assert (of("moon base").team, of("moon base").touchpoint) == ("care", "moon_base")
    assert of(None).why.topics == of("app").why.topics == ("billing", "staff")
    assert of(None).id == of("app").id
    bare = routed(moment(text=text, touchpoint=None))
    assert (bare.team, bare.touchpoint, bare.id) == ("care", "unknown", of(None).id)


def test_a_correction_moves_no_touchpoint() -> None:
    """What is corrected to an emotion that no words show still hurt where the reader had read it."""
    spans = (Span(start=0, end=1, emotion=Emotion.HURRIED, topic="billing"),)
    read = reading(Emotion.HURRIED, spans=spans).model_copy(update={"topics": ("billing",)})
    before = moment(touchpoint=None).model_copy(update={"reading": read})
    said = {"moment": before.id, "person": before.person, "by": "ben", "at": before.at}
    after = correct(before, [Correction.model_validate(said | {"emotions": {"neglected": 3}, "primary": "neglected"})])
    assert not after.reading.spans
    assert (routed(after).team, routed(after).touchpoint) == ("billing", "billing")
    assert trust_entry(after, POLICY).why.endswith("billing")


def test_trust_weighs_the_touchpoint_that_the_alert_names() -> None:
    """The touchpoint found by the topic is that of the account as well."""
    spans = (Span(start=0, end=1, emotion=Emotion.NEGLECTED, topic="billing"),)
    read = reading(Emotion.NEGLECTED, spans=spans).model_copy(update={"topics": ("billing",)})
    said = moment(touchpoint=None)
    entry = trust_entry(said.model_copy(update={"reading": read}), POLICY)
    assert entry.amount == trust_entry(said, POLICY).amount * POLICY.touchpoints["billing"].weight
    assert entry.why.endswith("billing")
