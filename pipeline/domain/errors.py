"""What can go wrong, and what becomes of it.

::

    HeartlineError
    ├── Rejected        this input can never be good: keep it with its reason, go on     (fate: rejected)
    │   └── TooSlow     one input took longer than its deadline                          (fate: rejected)
    ├── Unavailable     a door is shut for now: hold the line, try again                 (fate: unavailable)
    └── Misconfigured   the setting, policy or topic named is wrong: mend it, start again (fate: exit)
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why an input was rejected; closed, so that it can be counted."""

    TOMBSTONE = "tombstone"
    TOO_LARGE = "too_large"
    INVALID_ENCODING = "invalid_encoding"
    INVALID_JSON = "invalid_json"
    TOO_DEEP = "too_deep"
    INVALID_ENVELOPE = "invalid_envelope"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    SCHEMA = "schema"
    CANNOT_CORRECT = "cannot_correct"
    STAGE_FAILED = "stage_failed"
    TIMEOUT = "timeout"
    CRASH_LOOP = "crash_loop"


class HeartlineError(Exception):
    """The root of every error that Heartline raises on purpose."""


class Rejected(HeartlineError):
    """This input can never be good; ``reason`` says which kind of bad, ``detail`` what and where."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class TooSlow(Rejected):
    """The work on an input did not end within its deadline."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.TIMEOUT, detail)


class Unavailable(HeartlineError):
    """A door (Kafka, Redis, a model) does not answer now; the same call may succeed later."""


class Misconfigured(HeartlineError):
    """A setting, the policy or a topic is wrong; the message names it and the command that mends it."""
