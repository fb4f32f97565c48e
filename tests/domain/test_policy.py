"""The policy: what is wrong is told with its line, and the first rule that matches wins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.emotions import EMOTIONS, Cluster, Emotion
from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import PHRASE_WORDS_MAX
from pipeline.domain.policy import Policy, Rule, parse_policy
from pipeline.domain.reading import Reading, Span
from tests.makers import POLICY, POLICY_TEXT, reading

LINES = POLICY_TEXT.splitlines()


def told(text: str) -> str:
    """Answer what is said of a broken policy."""
    with pytest.raises(Misconfigured) as caught:
        parse_policy(text, "team.toml")
    return str(caught.value)


def broken(old: str, new: str) -> str:
    """Answer the shipped policy with one place changed."""
    assert POLICY_TEXT.count(old) == 1
    return POLICY_TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ('default_team = "care"', 'default_team = "nobody"', "default_team", "add [teams.nobody]"),
        ('phone_region = "GB"', 'phone_region = "England"', "phone_region", "phone_region"),
        ('version = "2026-11-30"', "version = 7", "version", "string"),
        ("respond_within_hours = 6", "respond_within_hours = 0", "respond_within_hours = 0", "teams.delivery"),
        ("respond_within_hours = 6", "respond_within_hours = inf", "respond_within_hours = inf", "teams.delivery"),
        ("respond_within_hours = 6", "respond_within_hours = 1e9", "respond_within_hours = 1e9", "teams.delivery"),
        ('title = "App and website"', "titel = 1", "titel", "Extra inputs"),
        ("[teams.digital]", "[teams.Digital]", "[teams.Digital]", "match pattern"),
        ('[touchpoints.pricing]\nteam = "product"', '[touchpoints.pricing]\nteam = "produkt"',
         "[touchpoints.pricing]", "add [teams.produkt]"),
        ('[touchpoints.pricing]\nteam = "product"', "[touchpoints.pricing]", "[touchpoints.pricing]", "team"),
        ('also = ["shipping", "courier"]', 'also = ["shipping", 5]', "also = [\"shipping\", 5]", "delivery.also.1"),
        ('also = ["shipping", "courier"]', 'also = ["Call-Center"]', "[touchpoints.call_centre]", "means touchpoint"),
        ('intensity_min = 3', 'intensity_min = 4', "intensity_min = 4", "rules.1.intensity_min"),
        ('name = "neglected"', "# no name", "# no name", "rules.2.name: Field required"),
        ('name = "neglected"', 'name = "hurt"', "[[rules]]\nname = \"hurt\"\nclusters", "named twice"),
        ('emotions = ["neglected"]', 'emotions = ["forgotten"]', "emotions = [\"forgotten\"]", "rules.2.emotions"),
        ('team = "review"', 'team = "revue"', "[[rules]]\nname = \"uncertain\"", "add [teams.revue]"),
        ('severity = "low"', 'severity = "tiny"', 'severity = "tiny"', "rules.0.severity"),
        ("half_life_days = 90", "half_life_days = 0", "half_life_days = 0", "trust.half_life_days"),
        ("half_life_days = 90", "half_life_days = nan", "half_life_days = nan", "trust.half_life_days"),
        ("scale = 60", "scale = -1", "scale = -1", "trust.scale"),
        ("advocacy = 10", "advocacy = inf", "advocacy = inf", "trust.weights.advocacy"),
        ("advocacy = 10", "", "[trust.weights]", "trust.weights.advocacy is missing"),
        ("advocacy = 10", "fame = 10", "fame = 10", "trust.weights.fame"),
        ("weight = 1.2\nalso = [\"manager\"", "weight = 11\nalso = [\"manager\"", "weight = 11", "management.weight"),
        ('"bill", "billing", "billed"', '"bill", "wages", "billed"',
         "words = [\n  \"my pay\"", "'wage' names topic billing already"),
        ('"billing", "billed", "invoice"', '"billed", "INVOICES", "billing", "refund"',
         "words = [\n  \"refund\"", "'refund' names topic billing already"),
        ('words = ["noise",', 'words = ["?!",', 'words = ["?!"', "'?!' cannot be found in a text"),
        ('words = ["noise",', 'words = ["noise, loud",', 'words = ["noise, loud"', "cannot be found in a text"),
        ('words = ["noise",', 'words = ["a b c d e f g",', 'words = ["a b c d', f"1 to {PHRASE_WORDS_MAX} words"),
        ('words = ["noise",', 'words = [7,', "words = [7,", "topics.noise.words.0"),
        ('[topics.noise]\nwords = ', '[topics.noise]\nword = ', "word = ", "topics.noise.word"),
        ("[topics.noise]", "[topics.Noise]", "[topics.Noise]", "match pattern"),
        ('[topics.returns]\ntouchpoint = "returns"', '[topics.returns]\ntouchpoint = "giving back"',
         'touchpoint = "giving back"', "touchpoint 'giving back' is not under [touchpoints]"),
        ('name = "neglected"', 'topics = ["staf"]\nname = "neglected"',
         'topics = ["staf"]', "topic 'staf' is not under"),
        ('hurried = "Give', 'sleepy = "Give', "sleepy = ", "playbooks.sleepy"),
    ],
)  # fmt: skip
def test_a_broken_policy_is_told_with_its_line(old: str, new: str, at: str, says: str) -> None:
    """Whatever is wrong, the message names the file, the very line (or its table's head) and what is wrong."""
    text = broken(old, new)
    start = text.index(at)
    line = text[:start].count("\n") + 1
    if at == "# no name":
        line -= 1  # what is missing is told at the head of its table
    message = told(text)
    assert any(each.startswith(f"team.toml:{line}: ") and says in each for each in message.split("\n")), message


def test_a_missing_part_is_told_at_the_top() -> None:
    """A policy without its version or teams says so."""
    message = told("default_team = 'care'")
    for part in ("version", "teams", "rules", "trust"):
        assert f"team.toml:1: {part}: Field required" in message


def test_a_name_elsewhere_does_not_mislead() -> None:
    """A touchpoint named like a setting at the top is told at its own line."""
    text = POLICY_TEXT + '\n[touchpoints.version]\nteam = "nobody"\n'
    assert told(text).startswith(f"team.toml:{len(LINES) + 2}: team 'nobody'")


def test_all_problems_are_told_at_once() -> None:
    """Two mistakes are two lines of the message."""
    text = broken("half_life_days = 90", "half_life_days = 0").replace('severity = "low"', 'severity = "tiny"')
    assert len(told(text).split("\n")) == 2


def test_what_is_no_toml() -> None:
    """A file that is no TOML is told with the parser's line."""
    assert "team.toml: not valid TOML" in told("version = ")
    assert "line 2" in told("a = 1\nb = c\n")


@pytest.mark.parametrize("said", ["billing", "Billing", " INVOICE ", "debt-collection", "Debt_Collection"])
def test_a_touchpoint_by_any_of_its_names(said: str) -> None:
    """Case, blanks, hyphens and underscores make no other touchpoint."""
    found = POLICY.touchpoint(said)
    assert (found.name, found.team, found.weight) == ("billing", "billing", 1.2)


def test_an_unknown_touchpoint_belongs_to_the_default_team() -> None:
    """What nobody owns goes to the default team, under the name that was said; what was not said is unknown."""
    assert (POLICY.touchpoint("Moon Base").team, POLICY.touchpoint("Moon Base").name) == ("care", "moon_base")
    assert (POLICY.touchpoint(None).team, POLICY.touchpoint(None).name) == ("care", "unknown")
    assert POLICY.touchpoint("").team == "care"


@pytest.mark.parametrize(
    ("emotion", "mark", "rule"),
    [
        (Emotion.NEGLECTED, "", "neglected"),
        (Emotion.NEGLECTED, "!", "deep-hurt"),
        (Emotion.NEGLECTED, "!?", "uncertain"),
        (Emotion.HURRIED, "", "hurt"),
        (Emotion.HAPPY, "!", None),
        (Emotion.HAPPY, "?", None),
    ],
)
def test_the_shipped_rules(emotion: Emotion, mark: str, rule: str | None) -> None:
    """Uncertain hurts go to review, deep ones and neglect first, joys raise nothing."""
    found = POLICY.rule_for(reading(emotion, text=mark), "customer", "billing")
    assert (found.name if found else None) == rule


RULES = st.builds(
    Rule,
    name=st.from_regex(r"[a-z]{1,6}", fullmatch=True),
    clusters=st.frozensets(st.sampled_from(Cluster), max_size=2),
    emotions=st.frozensets(st.sampled_from(EMOTIONS), max_size=2),
    intensity_min=st.integers(1, 3),
    negative_min=st.sampled_from([0.0, 0.5]),
    review=st.sampled_from([None, True, False]),
    stakeholder=st.sampled_from([None, "customer"]),
    touchpoints=st.frozensets(st.sampled_from(["billing", "app"]), max_size=1),
)


@settings(max_examples=50)
@given(st.lists(RULES, max_size=6), st.sampled_from([None, *EMOTIONS]), st.sampled_from(["", "!", "?"]))
def test_the_first_rule_that_matches_wins(rules: list[Rule], emotion: Emotion | None, mark: str) -> None:
    """The rule found is the first of which all that is given holds."""
    felt = reading(*([emotion] if emotion else []), text=mark)
    policy: Policy = POLICY.model_copy(update={"rules": tuple(rules)})

    def holds(rule: Rule) -> bool:
        named = not rule.clusters and not rule.emotions
        if emotion is not None:
            named = named or emotion.cluster in rule.clusters or emotion in rule.emotions
        intensity = felt.emotions[emotion].intensity if emotion else 1
        return (
            named
            and intensity >= rule.intensity_min
            and felt.negative >= rule.negative_min
            and rule.review in {None, felt.review}
            and rule.stakeholder in {None, "employee"}
            and (not rule.touchpoints or "app" in rule.touchpoints)
        )

    assert policy.rule_for(felt, "employee", "app") == next((rule for rule in rules if holds(rule)), None)


def about(*named: tuple[Emotion, str | None], primary: Emotion | None = None) -> Reading:
    """Answer a reading with a span for each emotion, about a topic."""
    spans = tuple(Span(start=n, end=n + 1, emotion=e, topic=topic) for n, (e, topic) in enumerate(named))
    topics = tuple(dict.fromkeys(topic for _, topic in named if topic))
    return Reading(primary=primary or named[0][0], spans=spans, topics=topics)


@pytest.mark.parametrize(
    ("named", "touchpoint"),
    [
        (about((Emotion.HURRIED, "billing")), "billing"),
        (about((Emotion.HURRIED, "refund")), "billing"),
        (about((Emotion.HAPPY, "app"), (Emotion.HURRIED, "billing")), "billing"),
        (about((Emotion.HURRIED, "app"), (Emotion.STRESSED, "returns"), primary=Emotion.STRESSED), "returns"),
        (about((Emotion.HURRIED, "app"), (Emotion.STRESSED, "staff"), primary=Emotion.STRESSED), "app"),
        (about((Emotion.HURRIED, "staff")), "unknown"),
        (about((Emotion.HURRIED, "of another policy")), "unknown"),
        (about((Emotion.HAPPY, "billing")), "unknown"),
        (Reading(topics=("billing",)), "unknown"),
        (Reading(), "unknown"),
    ],
)
def test_what_hurts_names_the_touchpoint(named: Reading, touchpoint: str) -> None:
    """Where the channel names no touchpoint the topic that hurts does, the primary hurt first; else nobody does."""
    assert POLICY.touchpoint_of(None, named).name == touchpoint
    assert POLICY.touchpoint_of("kiosk", named).name == "kiosk"
    assert POLICY.touchpoint_of("moon base", named).name == "moon_base"


def test_a_rule_may_ask_for_topics() -> None:
    """A rule that names topics matches where the primary emotion is about one of them, not where another one is."""
    rule = Rule(name="r", topics=frozenset({"billing", "refund"}))

    def matches(read: Reading) -> bool:
        return rule.matches(read, "customer", "app")

    assert matches(about((Emotion.HURRIED, "refund")))
    assert matches(about((Emotion.HURRIED, "app"), (Emotion.HURRIED, "billing")))
    assert not matches(about((Emotion.HURRIED, "app"), (Emotion.HAPPY, "billing")))
    assert not matches(about((Emotion.HURRIED, None)))
    assert matches(Reading(topics=("app", "billing")))
    assert not matches(Reading())


def test_the_shipped_topics() -> None:
    """The list that ships is long enough to begin with, and every touchpoint has one."""
    assert len(POLICY.topics) >= 30
    assert {topic.touchpoint for topic in POLICY.topics.values()} >= POLICY.touchpoints.keys()


def test_no_topics_at_all() -> None:
    """A policy of before there were topics still holds, and reads none."""
    text = POLICY_TEXT[: POLICY_TEXT.index("# What people speak about")] + POLICY_TEXT[POLICY_TEXT.index("# When an") :]
    policy = parse_policy(text)
    assert policy.topics == {}
    assert policy.aspects.about(["staff"], [Reading()]) == [Reading()]
