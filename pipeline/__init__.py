"""Heartline: what customers and employees feel, routed in real time to the team that can mend it."""

from typing import TYPE_CHECKING, Any

from pipeline.domain.cases import Case
from pipeline.domain.emotions import Cluster, Emotion
from pipeline.domain.errors import HeartlineError, Misconfigured, Rejected, Unavailable
from pipeline.domain.events import Alert, Feedback, Moment
from pipeline.domain.identity import Handle
from pipeline.domain.reading import Reading

if TYPE_CHECKING:
    from pipeline.client import Client

__all__ = [
    "Alert",
    "Case",
    "Client",
    "Cluster",
    "Emotion",
    "Feedback",
    "Handle",
    "HeartlineError",
    "Misconfigured",
    "Moment",
    "Reading",
    "Rejected",
    "Unavailable",
]


def __getattr__(name: str) -> Any:
    # The client brings aiokafka along; the values are of use without it.
    if name == "Client":
        from pipeline.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
