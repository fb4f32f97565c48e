"""Heartline: what customers and employees feel, routed in real time to the team that can mend it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.client import Client
    from pipeline.domain.cases import Case
    from pipeline.domain.correction import Correction
    from pipeline.domain.emotions import Cluster, Emotion
    from pipeline.domain.errors import HeartlineError, Misconfigured, Rejected, Unavailable
    from pipeline.domain.events import Alert, Feedback, Moment
    from pipeline.domain.identity import Handle
    from pipeline.domain.reading import Reading

__all__ = [
    "Alert",
    "Case",
    "Client",
    "Cluster",
    "Correction",
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

_HOMES = {
    "pipeline.client": ("Client",),
    "pipeline.domain.cases": ("Case",),
    "pipeline.domain.correction": ("Correction",),
    "pipeline.domain.emotions": ("Cluster", "Emotion"),
    "pipeline.domain.errors": ("HeartlineError", "Misconfigured", "Rejected", "Unavailable"),
    "pipeline.domain.events": ("Alert", "Feedback", "Moment"),
    "pipeline.domain.identity": ("Handle",),
    "pipeline.domain.reading": ("Reading",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # Each is imported when it is asked for: `heartline --help` needs none of them.
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
