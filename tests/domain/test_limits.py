"""Limits stand in one place and say their unit."""

from pipeline.domain import limits

UNITS = {
    "BYTES",
    "CHARS",
    "DEPTH",
    "SECONDS",
    "EVENTS",
    "MAX",
    "HANDLES",
    "ATTEMPTS",
    "TRIES",
    "MOMENTS",
    "ALERTS",
    "TEXTS",
}


def test_every_limit_is_a_positive_number_with_its_unit() -> None:
    """Each limit is above zero and its name says of what it is the maximum."""
    named = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert len(named) > 15
    for name, value in named.items():
        assert value > 0, name
        assert name.endswith("_MAX"), name
        assert any(unit in name.split("_") for unit in UNITS), name


def test_what_is_made_here_may_be_larger_than_what_comes_in() -> None:
    """A moment or an alert made of the largest and deepest feedback fits into the inner limits."""
    assert limits.INNER_BYTES_MAX >= 2 * limits.RECORD_BYTES_MAX
    assert limits.INNER_DEPTH_MAX > limits.JSON_DEPTH_MAX
