"""What both peers share: where things are, and the pure part of the job.

The models, the parsing, the routing and the folding of cases are Heartline's own functions, so that what is compared
is how the work is carried. The peers do less than Heartline: no merging of persons, no outbox, no version fence, no
trust balance, no briefing of recent moments, no CloudEvents headers on what they send, no rejects.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from pipeline.domain.emotions import Emotion
from pipeline.domain.events import Alert, Feedback, Moment
from pipeline.domain.identity import anonymous_person, moment_id, normalise, own_person
from pipeline.domain.policy import Policy, parse_policy
from pipeline.domain.reading import Felt, Reading
from pipeline.domain.routing import route
from pipeline.domain.timeline import Figures
from pipeline.readers import open_reader

KAFKA: Final = os.environ.get("BENCH_KAFKA", "127.0.0.1:9092")
REDIS: Final = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/0")
PREFIX: Final = os.environ.get("BENCH_PREFIX", "")
READER: Final = os.environ.get("BENCH_READER", "vader")
SESSION_SECONDS: Final = float(os.environ.get("BENCH_SESSION_SECONDS", "10"))
POLICY: Final[Policy] = parse_policy(files("pipeline").joinpath("policy.toml").read_text(encoding="utf-8"))
TEAMS: Final = sorted(POLICY.teams)
HANDLES: Final = "handles"

# KEYS: timeline, words, counts of a person. ARGV: moment, at_ms, body, what to count. Answers the totals.
REMEMBER: Final = """
if redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1]) == 1 then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
  for i = 4, #ARGV do redis.call('HINCRBY', KEYS[3], ARGV[i], 1) end
end
return redis.call('HMGET', KEYS[3], 'moments', 'positive', 'negative', 'neutral')
"""


@cache
def reader() -> Callable[[str], Reading]:
    """Answer the reader that ``BENCH_READER`` names: vader, or the constant-time flat one; with topics, as ours."""
    read = _vader() if READER == "vader" else _flat()
    return lambda text: POLICY.aspects.about((text,), (read(text),))[0]


def _flat() -> Callable[[str], Reading]:
    flat = open_reader(READER)
    return lambda text: flat.read([text])[0]  # type: ignore[index]


def _vader() -> Callable[[str], Reading]:
    analyzer = SentimentIntensityAnalyzer()

    def read(text: str) -> Reading:
        compound = analyzer.polarity_scores(text)["compound"]
        if compound > -0.05 and compound < 0.05:
            return Reading(valence=compound, reader="vader/3.3.2")
        primary = Emotion.DISSATISFIED if compound < 0 else Emotion.PLEASED
        felt = Felt(confidence=abs(compound), intensity=1 if abs(compound) < 0.3 else 2 if abs(compound) < 0.7 else 3)
        negative = max(0.0, -compound)
        return Reading(
            emotions={primary: felt}, primary=primary, valence=compound, negative=negative, reader="vader/3.3.2"
        )

    return read


def parse_feedback(headers: Mapping[str, bytes], value: bytes) -> Feedback:
    """Answer the feedback of a CloudEvents record in binary mode."""
    data = orjson.loads(value)
    return Feedback.model_validate({**data, "id": headers["ce_id"].decode(), "source": headers["ce_source"].decode()})


def handles_of(feedback: Feedback) -> list[str]:
    """Answer the normalised handles, each once."""
    normal = (normalise(handle.kind, handle.value, POLICY.phone_region) for handle in feedback.handles)
    return list(dict.fromkeys(handle for handle in normal if handle))


def person_of(feedback: Feedback, handles: Sequence[str], known: Sequence[str | None]) -> tuple[str, dict[str, str]]:
    """Answer the person that the handles lead to, and the links to note (several handles were seen together)."""
    if not handles:
        return anonymous_person(moment_id(feedback.source, feedback.id)), {}
    person = next(filter(None, known), None) or min(own_person(handle) for handle in handles)
    if len(handles) == 1:
        return person, {}
    return person, {handle: person for handle, before in zip(handles, known, strict=True) if before is None}


def moment_of(feedback: Feedback, reading: Reading, person: str, timestamp_ms: int) -> Moment:
    """Answer the moment that goes on."""
    return Moment(
        id=moment_id(feedback.source, feedback.id),
        person=person,
        at=feedback.at,
        arrived=datetime.fromtimestamp(timestamp_ms / 1000, UTC),
        feedback=feedback,
        reading=reading,
    )


def remembering(moment: Moment, body: bytes) -> tuple[list[str], list[Any]]:
    """Answer keys and arguments of REMEMBER."""
    primary = moment.reading.primary
    sign = "neutral" if primary is None else "negative" if primary.hurts else "positive"
    counted = ["moments", sign, *(emotion.value for emotion in moment.reading.emotions)]
    person = moment.person
    return (
        [f"timeline:{person}", f"words:{person}", f"counts:{person}"],
        [moment.id, round(moment.at.timestamp() * 1000), body, *counted],
    )


def alert_of(moment: Moment, totals: Sequence[bytes | None]) -> Alert | None:
    """Answer the alert that the policy raises for ``moment``, if any. ``totals`` are what REMEMBER answered."""
    moments, positive, negative, neutral = (int(total or 0) for total in totals)
    figures = Figures(moments=moments, positive=positive, negative=negative, neutral=neutral)
    return route(moment, figures, {}, moment.arrived, POLICY)


def as_json(value: Moment | Alert) -> bytes:
    """Answer ``value`` as JSON."""
    return value.model_dump_json(exclude_none=True).encode()
