"""The fold: figures add up in any order, and trust fades as it should."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import atanh, isclose

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.events import Moment
from pipeline.domain.limits import EXCERPT_CHARS_MAX, RECENT_MOMENTS_MAX
from pipeline.domain.policy import Trust
from pipeline.domain.timeline import (
    BALANCE_BOUND,
    Figures,
    add,
    brief_of,
    correct,
    milliseconds,
    positives_owed,
    replace_moment,
    trust_balance,
    trust_entry,
)
from tests.makers import NOON, POLICY, correction, moment

TRUST = POLICY.trust
TIMES = st.datetimes(datetime(2012, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def moments(draw: Callable[..., object], size: int = 8) -> list[Moment]:
    """Some different moments of one person, with any emotions at any time."""
    felt = st.lists(st.sampled_from(EMOTIONS), max_size=3, unique=True)
    drawn = draw(st.lists(st.tuples(felt, TIMES, st.sampled_from(["!", ""])), max_size=size))
    assert isinstance(drawn, list)
    return [
        moment(number, *emotions, at=at, text=mark).model_copy(update={} if emotions else {"reading": NOTHING})
        for number, (emotions, at, mark) in enumerate(drawn)
    ]


NOTHING = moment().reading.model_copy(update={"emotions": {}, "primary": None})


@settings(max_examples=40)
@given(moments(), st.randoms(use_true_random=False), st.integers(0, 8))
def test_figures_are_the_same_in_any_order_and_in_any_parts(told: list[Moment], chance: object, cut: int) -> None:
    """Every figure, the integer of the trust included, is equal whatever the order and the batches."""
    shuffled = list(told)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    whole = add(Figures(), told, POLICY)
    parts = add(add(Figures(), shuffled[:cut], POLICY), shuffled[cut:], POLICY)
    one_by_one = Figures()
    for each in reversed(told):
        one_by_one = add(one_by_one, [each], POLICY)
    assert whole == parts == one_by_one


@settings(max_examples=40)
@given(moments(), moments())
def test_figures_are_additive(one: list[Moment], other: list[Moment]) -> None:
    """Counts and trust of two sets of moments are the sums of those of each."""
    a, b, both = (add(Figures(), told, POLICY) for told in (one, other, one + other))
    assert both.trust == a.trust + b.trust
    assert both.moments == a.moments + b.moments == both.positive + both.negative + both.neutral
    assert (both.positive, both.negative) == (a.positive + b.positive, a.negative + b.negative)
    assert both.emotions == {
        emotion: count for emotion in EMOTIONS if (count := a.emotions.get(emotion, 0) + b.emotions.get(emotion, 0))
    }


@settings(max_examples=50)
@given(moments(), TIMES)
def test_trust_is_the_sum_of_faded_entries(told: list[Moment], at: datetime) -> None:
    """The balance read from the fixed-point sum equals the plain sum of entries, each faded by its age."""
    days = [(milliseconds(at) - milliseconds(each.at)) / 86_400_000 for each in told]
    plain = sum(
        trust_entry(each, POLICY).amount * 2 ** (-age / TRUST.half_life_days)
        for each, age in zip(told, days, strict=True)
    )
    balance = trust_balance(add(Figures(), told, POLICY), at, TRUST)
    assert -BALANCE_BOUND <= balance <= BALANCE_BOUND
    # An entry is rounded to 2^-20 at its own time; seen from a much earlier one that weighs more.
    grown = max(0.0, -(milliseconds(at) - milliseconds(datetime(2020, 1, 1, tzinfo=UTC))) / 86_400_000)
    tolerance = 1e-9 * sum(abs(trust_entry(each, POLICY).amount) * 2 ** (-age / TRUST.half_life_days)
                           for each, age in zip(told, days, strict=True))  # fmt: skip
    tolerance += len(told) * 2**-21 * 2 ** (grown / TRUST.half_life_days)
    if abs(balance) < 99.9:
        assert isclose(atanh(balance / BALANCE_BOUND) * TRUST.scale, plain, rel_tol=1e-6, abs_tol=1e-6 + tolerance)


@settings(max_examples=40)
@given(st.sampled_from(EMOTIONS), st.integers(0, 20))
def test_an_entry_counts_half_after_a_half_life(emotion: Emotion, half_lives: int) -> None:
    """What one moment paid in or drew is halved with each half-life that passes."""
    told = moment(0, emotion)
    figures = add(Figures(), [told], POLICY)
    later = told.at + timedelta(days=TRUST.half_life_days * half_lives)
    amount = trust_entry(told, POLICY).amount / 2**half_lives
    assert isclose(atanh(trust_balance(figures, later, TRUST) / 100) * TRUST.scale, amount, rel_tol=1e-4)


@settings(max_examples=50)
@given(st.floats(14, 36_500), st.lists(st.sampled_from(EMOTIONS), min_size=1, max_size=5), TIMES, TIMES)
def test_the_balance_is_bounded_for_every_half_life(
    days: float, felt: list[Emotion], told_at: datetime, at: datetime
) -> None:
    """Whatever half-life the policy may name, the balance is a number between -100 and 100."""
    trust = Trust(half_life_days=days, weights=TRUST.weights)
    policy = POLICY.model_copy(update={"trust": trust})
    told = [moment(number, emotion, at=told_at) for number, emotion in enumerate(felt)]
    assert -100 <= trust_balance(add(Figures(), told, policy), at, trust) <= 100


def test_an_empty_account_is_zero() -> None:
    """Nobody's balance is exactly 0."""
    assert trust_balance(Figures(), NOON, TRUST) == 0.0


def test_withdrawals_weigh_more_and_touchpoints_count() -> None:
    """A hurt draws more than a joy pays in, stronger feelings and weightier touchpoints count more."""
    hurt, joy = moment(1, Emotion.NEGLECTED), moment(2, Emotion.HAPPY)
    assert trust_entry(hurt, POLICY).amount == -20 * 1.2
    assert trust_entry(joy, POLICY).amount == 10 * 1.2
    assert trust_entry(moment(3, Emotion.NEGLECTED, text="!"), POLICY).amount == -20 * 1.2 * 1.5
    assert trust_entry(moment(4, Emotion.NEGLECTED, touchpoint="app"), POLICY).amount == -20
    assert trust_entry(hurt, POLICY).why == "neglected (destroyers), intensity 2, billing"


def test_no_emotion_neither_pays_nor_draws() -> None:
    """A moment without emotion is counted as neutral and leaves the account as it is."""
    silent = moment().model_copy(update={"reading": NOTHING})
    figures = add(Figures(), [silent], POLICY)
    assert (figures.moments, figures.neutral, figures.trust, figures.emotions) == (1, 1, 0, {})
    assert trust_entry(silent, POLICY) == (0.0, "no emotion")


@settings(max_examples=30)
@given(moments())
def test_recent_are_the_latest_said(told: list[Moment]) -> None:
    """The briefing's moments are the latest by the time they were said, in order; first and last frame them all."""
    figures = add(Figures(), told, POLICY)
    expected = sorted((milliseconds(each.at), each.id) for each in told)
    assert [entry[:2] for entry in figures.recent] == expected[-RECENT_MOMENTS_MAX:]
    assert (figures.first_ms, figures.last_ms) == ((expected[0][0], expected[-1][0]) if told else (None, None))


def test_ratio_and_positives_owed() -> None:
    """The ratio is None without a negative moment; what is owed is what is missing to 22 for each."""
    assert Figures().ratio is None
    assert positives_owed(Figures()) == 0
    assert Figures(positive=3, negative=2).ratio == 1.5
    assert positives_owed(Figures(positive=3, negative=2)) == 41


@settings(max_examples=50)
@given(st.integers(0, 500), st.integers(0, 50), st.integers(1, 40))
def test_positives_owed_reach_the_ratio_exactly(positive: int, negative: int, ratio: int) -> None:
    """With what is owed the ratio is reached, and with one less it is not."""
    owed = positives_owed(Figures(positive=positive, negative=negative), ratio)
    assert positive + owed >= negative * ratio
    assert owed == 0 or positive + owed - 1 < negative * ratio


@given(st.text(max_size=400))
def test_an_excerpt_fits(text: str) -> None:
    """A brief keeps a short text as it is and cuts a long one, visibly, to the limit."""
    excerpt = brief_of(moment(text=text)).excerpt
    kept = text.replace("\x00", "")
    assert len(excerpt) <= EXCERPT_CHARS_MAX
    assert excerpt == kept if len(kept) <= EXCERPT_CHARS_MAX else excerpt == kept[: EXCERPT_CHARS_MAX - 1] + "…"


def test_who_moved_is_an_alias() -> None:
    """The persons that a moved moment was remembered for, the earlier ones too, are aliases of its person."""
    moved = moment().model_copy(update={"moved_from": "p2-b", "moved_before": ("p3-c",)})
    assert add(Figures(), [moved], POLICY).aliases == {"p2-b", "p3-c"}


@settings(max_examples=60)
@given(moments(), moments(size=1), moments(size=1), TIMES)
def test_what_is_read_differently_counts_as_if_it_always_was(
    others: list[Moment], was: list[Moment], now: list[Moment], at: datetime
) -> None:
    """Figures in which a moment is replaced by another reading of it are those of the other from the start."""
    before = moment(99, at=at).model_copy(update={"reading": was[0].reading if was else NOTHING})
    after = before.model_copy(update={"reading": now[0].reading if now else NOTHING})
    figures = add(Figures(), [*others, before], POLICY)
    assert replace_moment(figures, before, after, POLICY) == add(Figures(), [*others, after], POLICY)


def test_a_corrected_moment_keeps_what_was_read() -> None:
    """The reader's reading stays beside the corrections, a second correction is laid over it, a repeat says nothing."""
    told = moment(1)
    first = correct(told, [correction(emotions={"happy": 1}, primary="happy", effort="low")])
    second = correct(first, [correction(valence=2, at=NOON + timedelta(minutes=1))])
    assert (first.reading.primary, first.reading.effort, first.read) == (Emotion.HAPPY, "low", told.reading)
    assert (second.reading.primary, second.reading.effort, second.reading.valence) == (Emotion.NEGLECTED, None, 1.0)
    assert [each.at for each in second.corrections or ()] == [NOON, NOON + timedelta(minutes=1)]
    assert correct(second, first.corrections or ()) is second
