"""Telemetry: percentiles that are right to five per cent, and counts that add up."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.telemetry import Ages, Telemetry

AGES = st.lists(st.floats(0.0, 1e9), min_size=1, max_size=60)


@settings(max_examples=60)
@given(AGES, st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_percentile_is_right_to_five_per_cent(ages: list[float], share: float) -> None:
    """The answer is never below the true percentile and at most one bucket above it."""
    told = Ages()
    told.add(ages)
    answer = told.percentile(share)
    rank = max(1, -(-round(share * len(ages) * 1e6) // 1_000_000))
    true = sorted(ages)[rank - 1]
    assert answer is not None
    assert answer >= true * 0.9999 - 0.051
    assert answer <= max(true, 1.0) * 1.051 + 0.051


@settings(max_examples=30)
@given(AGES, AGES)
def test_ages_may_come_in_any_parts(one: list[float], other: list[float]) -> None:
    """Counted together or one list after the other, in any order, the percentiles are the same."""
    together, apart = Ages(), Ages()
    together.add(one + other)
    apart.add(other)
    apart.add(one)
    assert together == apart


def test_no_ages_no_percentile() -> None:
    """Where nothing was finished there is no age, and it is not taken for zero."""
    assert Ages().percentile(0.5) is None


def test_negative_ages_are_nearly_none() -> None:
    """A clock that runs behind the broker's makes no age below zero."""
    told = Ages()
    told.add([-5.0, 0.0, 0.5])
    assert 1.0 <= (told.percentile(1.0) or 0) <= 1.1


def test_the_snapshot_adds_up() -> None:
    """Events, batches and rejects add up over batches, CPU is told by event, and all of it is plain JSON."""
    told = Telemetry()
    told.note("read", 10, 0.001)
    told.note("read", 30, 0.003)
    told.note("idle", 0, 0.0)
    told.finished("feedback", [10.0] * 4, 1)
    told.finished("feedback", [10.0] * 6, 0)
    snapshot = told.snapshot()
    assert snapshot["stages"] == {"read": {"events": 40, "cpu_us": 100.0}, "idle": {"events": 0, "cpu_us": None}}
    flowed = snapshot["topics"]["feedback"]
    assert (flowed["events"], flowed["batches"], flowed["rejected"]) == (10, 2, 1)
    assert 10 <= flowed["age_ms"]["p50"] <= 10.6
    assert orjson.loads(orjson.dumps(snapshot)) == snapshot
