"""The tree of errors is drawn as it is."""

import pytest

from pipeline.domain import errors
from pipeline.domain.errors import HeartlineError, Reason, Rejected, StaleVersion, TooSlow, Unavailable


def test_every_error_is_drawn() -> None:
    """Each error class stands in the tree at the head of the module, and descends from the root."""
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(found) >= 6
    for kind in found:
        assert kind.__name__ in (errors.__doc__ or "")
        assert issubclass(kind, HeartlineError)


def test_too_slow_is_a_rejection_by_timeout() -> None:
    """Work past its deadline counts as an input that is rejected, with the reason timeout."""
    error = TooSlow("no answer within 3 s")
    assert isinstance(error, Rejected)
    assert (error.reason, error.detail) == (Reason.TIMEOUT, "no answer within 3 s")
    assert str(error) == "timeout: no answer within 3 s"


@pytest.mark.parametrize("other", [Unavailable, StaleVersion])
def test_what_may_pass_is_no_rejection(other: type[Exception]) -> None:
    """What may succeed later is never taken for an input that cannot be good."""
    assert not issubclass(other, Rejected)
