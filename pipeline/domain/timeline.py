"""The fold from a timeline to its figures.

Every figure is kept as a value whose addition is commutative and exact, so that the order in which moments arrive
cannot change it, a late moment costs no more than a new one, and two replays agree to the last digit. For counts
that is plain. For the trust balance, whose entries fade with a half-life, it takes *forward decay* (Cormode et al.,
ICDE 2009): an entry said at time t is added as ``amount · 2^((t − landmark) / half-life)``, a number that never
changes afterwards, in fixed point, as an integer; reading the balance at time T divides the sum by
``2^((T − landmark) / half-life)``. The sum of integers is exact in any order, and what was added can be taken out
again, which is what a correction does: the figures become those of a moment that was read so from the start.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from math import floor, tanh
from types import MappingProxyType
from typing import NamedTuple

from pipeline.domain.correction import Correction, corrected, history
from pipeline.domain.emotions import Emotion
from pipeline.domain.events import Brief, Moment
from pipeline.domain.limits import EXCERPT_CHARS_MAX, RECENT_MOMENTS_MAX
from pipeline.domain.policy import Policy, Touchpoint, Trust

LANDMARK = datetime(2020, 1, 1, tzinfo=UTC)
LANDMARK_SECONDS = LANDMARK.timestamp()
FIXED_POINT_BITS = 20
# Beyond ± this many half-lives from the landmark an entry weighs as if it stood there: floats end at 2^1023.
HALF_LIVES_MAX = 900.0
BALANCE_BOUND = 100.0


class Entry(NamedTuple):
    """A moment as a timeline keeps it: its id, when it was said (ms since 1970) and the Moment as JSON."""

    id: str
    at_ms: int
    body: bytes


class Figures(NamedTuple):
    """All that is known of a person by adding up its moments.

    ``emotions`` counts each emotion felt; ``positive``, ``negative`` and ``neutral`` count moments by their
    primary emotion; ``trust`` is the forward-decayed sum in fixed point; ``recent`` holds the latest moments
    as (at_ms, moment id, brief); ``aliases`` the persons that proved to be this one; ``waiting`` the corrections
    whose moments have not come yet, and which count when they do.
    """

    moments: int = 0
    positive: int = 0
    negative: int = 0
    neutral: int = 0
    trust: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    emotions: Mapping[Emotion, int] = MappingProxyType({})
    recent: tuple[tuple[int, str, Brief], ...] = ()
    aliases: frozenset[str] = frozenset()
    waiting: tuple[Correction, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Positive moments for each negative one; None as long as there is no negative one."""
        return self.positive / self.negative if self.negative else None


class TrustEntry(NamedTuple):
    """What one moment pays into (or draws from) the account, and why."""

    amount: float
    why: str


def milliseconds(at: datetime) -> int:
    """Answer ``at`` in whole milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def touchpoint_of(moment: Moment, policy: Policy) -> Touchpoint:
    """Answer where ``moment`` was felt: a correction that leaves no words which hurt leaves that as it was read."""
    said, reading = moment.feedback.touchpoint, moment.reading
    return (
        policy.touchpoint_of(said, reading) if moment.read is None else policy.touchpoint_of(said, reading, moment.read)
    )


def trust_entry(moment: Moment, policy: Policy) -> TrustEntry:
    """Answer what ``moment`` pays in: cluster weight · intensity / 2 · weight of the touchpoint."""
    primary = moment.reading.primary
    if primary is None:
        return TrustEntry(0.0, "no emotion")
    felt = moment.reading.emotions.get(primary)
    intensity = felt.intensity if felt else 2
    touchpoint = touchpoint_of(moment, policy)
    amount = policy.trust.weights[primary.cluster] * intensity / 2 * touchpoint.weight
    return TrustEntry(amount, f"{primary} ({primary.cluster}), intensity {intensity}, {touchpoint.name}")


def _grown(at_ms: int, trust: Trust) -> float:
    half_lives = (at_ms / 1000 - LANDMARK_SECONDS) / (trust.half_life_days * 86_400)
    return max(-HALF_LIVES_MAX, min(HALF_LIVES_MAX, half_lives))


def trust_balance(figures: Figures, at: datetime, trust: Trust) -> float:
    """Answer the balance at ``at``, bounded to ±100 by a hyperbolic tangent, 0 for an empty account."""
    half_lives = _grown(milliseconds(at), trust)
    whole = floor(half_lives)
    # The sum may be far beyond a float; exact shifts bring it into reach first.
    shift = FIXED_POINT_BITS + whole
    scaled = Fraction(figures.trust, 1 << shift) if shift >= 0 else Fraction(figures.trust << -shift)
    faded = float(scaled) / 2.0 ** (half_lives - whole)
    return BALANCE_BOUND * tanh(faded / trust.scale)


def _weighed(moment: Moment, at_ms: int, policy: Policy) -> int:
    grown: float = 2.0 ** (_grown(at_ms, policy.trust) + FIXED_POINT_BITS)
    return round(trust_entry(moment, policy).amount * grown)


def brief_of(moment: Moment) -> Brief:
    """Answer ``moment`` in a line."""
    feedback, reading = moment.feedback, moment.reading
    text = feedback.text
    return Brief.made(
        {
            "at": moment.at,
            "channel": feedback.channel,
            "touchpoint": feedback.touchpoint,
            "primary": reading.primary,
            "valence": reading.valence,
            "excerpt": text if len(text) <= EXCERPT_CHARS_MAX else text[: EXCERPT_CHARS_MAX - 1] + "…",
        }
    )


def add(figures: Figures, moments: Iterable[Moment], policy: Policy) -> Figures:
    """Answer ``figures`` with ``moments`` added; each must be new to them."""
    emotions = dict(figures.emotions)
    positive, negative, neutral, count = figures.positive, figures.negative, figures.neutral, figures.moments
    trust, first, last = figures.trust, figures.first_ms, figures.last_ms
    recent, aliases = list(figures.recent), set(figures.aliases)
    for moment in moments:
        at_ms = milliseconds(moment.at)
        primary = moment.reading.primary
        count += 1
        if primary is None:
            neutral += 1
        elif primary.hurts:
            negative += 1
        else:
            positive += 1
        for emotion in moment.reading.emotions:
            emotions[emotion] = emotions.get(emotion, 0) + 1
        trust += _weighed(moment, at_ms, policy)
        first = at_ms if first is None else min(first, at_ms)
        last = at_ms if last is None else max(last, at_ms)
        recent.append((at_ms, moment.id, brief_of(moment)))
        if moment.moved_from:
            aliases.update((moment.moved_from, *(moment.moved_before or ())))
    recent.sort(key=lambda told: told[:2])
    return Figures(
        moments=count,
        positive=positive,
        negative=negative,
        neutral=neutral,
        trust=trust,
        first_ms=first,
        last_ms=last,
        emotions=emotions,
        recent=tuple(recent[-RECENT_MOMENTS_MAX:]),
        aliases=frozenset(aliases),
        waiting=figures.waiting,
    )


def correct(moment: Moment, said: Iterable[Correction]) -> Moment:
    """Answer ``moment`` with the corrections in its history and read as the last of them says.

    It is ``moment`` itself where they are known already.
    """
    known = moment.corrections or ()
    told = history(known, (each.model_copy(update={"person": moment.person, "moved_from": None}) for each in said))
    if told == known:
        return moment
    read = moment.as_read
    return moment.model_copy(update={"reading": corrected(read, told[-1]), "read": read, "corrections": told})


def replace_moment(figures: Figures, before: Moment, after: Moment, policy: Policy) -> Figures:
    """Answer ``figures``, which count ``before``, as if it had been ``after``: the same moment, read differently."""
    at_ms = milliseconds(before.at)
    emotions = dict(figures.emotions)
    for emotion in before.reading.emotions:
        emotions[emotion] -= 1
    for emotion in after.reading.emotions:
        emotions[emotion] = emotions.get(emotion, 0) + 1
    old, new = before.reading.primary, after.reading.primary
    return figures._replace(
        positive=figures.positive + _pleases(new) - _pleases(old),
        negative=figures.negative + _hurts(new) - _hurts(old),
        neutral=figures.neutral + (new is None) - (old is None),
        trust=figures.trust + _weighed(after, at_ms, policy) - _weighed(before, at_ms, policy),
        emotions={emotion: count for emotion, count in emotions.items() if count},
        recent=tuple(
            (told_ms, told, brief_of(after) if told == after.id else brief) for told_ms, told, brief in figures.recent
        ),
    )


def _hurts(primary: Emotion | None) -> bool:
    return primary is not None and primary.hurts


def _pleases(primary: Emotion | None) -> bool:
    return primary is not None and not primary.hurts


def positives_owed(figures: Figures, ratio: int = 22) -> int:
    """Answer how many positive moments are owed until there are ``ratio`` for each negative one."""
    return max(0, figures.negative * ratio - figures.positive)
