"""A crowd that speaks: feedback made from a seed, for tests that need many people and known truth.

Each person has several handles and uses one or two of them at a time, so that persons meet and merge while events
flow. What is said hurts, pleases or does neither, in about equal parts.
"""

import random  # noqa: TID251 - seeded
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

HURTS = (
    "I am so frustrated, third time I ask and nobody answers.",
    "Very disappointed with the late delivery, you promised Tuesday.",
    "The invoice is wrong again and I am really angry about it!",
    "I feel ignored and let down by your support.",
    "This app crashes all the time, it is terrible and a waste of money.",
)
PLEASES = (
    "Thank you so much, I am very happy with the quick help!",
    "Lovely staff, I felt valued and well cared for.",
    "Great service, easy and quick, I am delighted.",
)
NEITHER = ("My order number is 4711.", "Where do I find the opening hours?", "I called on Monday at ten.")
CHANNELS = ("chat", "email", "phone", "survey", "app review", "store", "social")
TOUCHPOINTS = ("billing", "delivery", "app", "store", "invoices", "website", None)
START = datetime(2026, 9, 1, tzinfo=UTC)
MINUTES = 60 * 24 * 42


def handles_of(person: int) -> dict[str, str]:
    """Answer the handles that channels know ``person`` by."""
    return {
        "customer_id": f"C{person:05}",
        "email": f"person{person}@example.org",
        "phone": f"+44 20 7946 {person % 10_000:04}",
        "social": f"@person_{person}",
    }


def crowd(seed: int, events: int, persons: int = 40) -> Iterator[dict[str, Any]]:
    """Answer ``events`` feedbacks of ``persons``; the same for the same seed."""
    chance = random.Random(seed)
    for number in range(events):
        person = chance.randrange(persons)
        handles = handles_of(person)
        used = chance.sample(sorted(handles), chance.choice((1, 1, 1, 2)))
        words = chance.choice((HURTS, PLEASES, NEITHER))
        touchpoint = chance.choice(TOUCHPOINTS)
        at = START + timedelta(minutes=chance.randrange(MINUTES))
        event = {
            "id": f"{seed}-{number}",
            "source": "/tests/crowd",
            "channel": chance.choice(CHANNELS),
            "at": at.isoformat(),
            "text": f"{chance.choice(words)} ({number})",
            "handles": {kind: handles[kind] for kind in used},
        }
        yield event | ({"touchpoint": touchpoint} if touchpoint else {})
