"""The tree of errors is drawn as it is."""

import re

import pytest

from pipeline.domain import errors
from pipeline.domain.errors import HeartlineError, Misconfigured, Reason, Rejected, TooSlow, Unavailable


def test_every_error_is_drawn() -> None:
    """The tree at the head of the module names each error class and nothing else, and all descend from the root."""
    found = {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    drawn = re.findall(r"^ *(?:[│ ]*[├└]── )?([A-Z]\w+(?= {2,}|$))", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(found)
    assert all(issubclass(kind, HeartlineError) for kind in found.values())


def test_too_slow_is_a_rejection_by_timeout() -> None:
    """Work past its deadline counts as an input that is rejected, with the reason timeout."""
    error = TooSlow("no answer within 3 s")
    assert isinstance(error, Rejected)
    assert (error.reason, error.detail) == (Reason.TIMEOUT, "no answer within 3 s")
    assert str(error) == "timeout: no answer within 3 s"


@pytest.mark.parametrize("other", [Unavailable, Misconfigured])
def test_what_may_pass_is_no_rejection(other: type[Exception]) -> None:
    """What may succeed later, or with another setting, is never taken for an input that cannot be good."""
    assert not issubclass(other, Rejected)
