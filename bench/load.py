"""The input of the benchmarks: real-looking feedback, the same at every run.

Texts come from ``texts.ndjson.gz`` (written for this project) or from a folder of NDJSON files whose lines have a
``text``. Persons are drawn with a skew (one in a hundred says a tenth of everything), each known by a customer id,
an e-mail address, a phone number and a social handle; a channel knows one of them, and one event in five carries a
second one, so that persons who were two prove to be one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same events at every run
from typing import NamedTuple

from pipeline.client import prepare
from pipeline.clocks import WoundClock
from pipeline.domain.policy import Policy
from pipeline.ports import Send

SEED = 20_261_124
PERSONS = 20_000
SECOND_HANDLE_IN = 5
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
WEEKS = 6
CHANNELS = {
    "email": "email",
    "chat": "customer_id",
    "calls": "phone",
    "social": "social",
    "survey": "email",
    "app": "customer_id",
    "sms": "phone",
    "branch": "customer_id",
}
KINDS = ("customer_id", "email", "phone", "social")


class Said(NamedTuple):
    """A feedback before it is published, as the data of `Client.publish`; ``send`` is the record of it."""

    data: dict[str, object]
    send: Send


def make(events: int, texts: Sequence[str], policy: Policy, seed: int = SEED) -> list[Said]:
    """Answer ``events`` feedbacks with ids of their own; the same for the same arguments."""
    chance = Random(seed)
    clock = WoundClock()
    touchpoints = sorted(policy.touchpoints)
    channels = sorted(CHANNELS)
    order = list(texts)
    chance.shuffle(order)
    said = []
    for number in range(events):
        channel = chance.choice(channels)
        person = int(PERSONS * chance.random() ** 2)
        kinds = {CHANNELS[channel]}
        if not chance.randrange(SECOND_HANDLE_IN):
            kinds.add(chance.choice(KINDS))
        at = BEGIN + timedelta(weeks=WEEKS) * number / events
        data: dict[str, object] = {
            "id": f"b{seed}-{number}",
            "source": f"/channels/{channel}",
            "channel": channel,
            "at": at.isoformat(),
            "text": order[number % len(order)],
            "touchpoint": chance.choice(touchpoints),
            "handles": [{"kind": kind, "value": handle(kind, person)} for kind in sorted(kinds)],
        }
        said.append(Said(data, prepare(data, clock)[1]))
    return said


def handle(kind: str, person: int) -> str:
    """Answer what person ``person`` (a number) is known by."""
    return {
        "customer_id": f"C{person:06}",
        "email": f"person{person}@example.org",
        "phone": f"+44 7700 {900_000 + person:06}",
        "social": f"@person{person}",
    }[kind]
