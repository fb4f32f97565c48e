"""Labels: what people read in a text, one JSON object a line, for readers to be held against.

``text``, ``emotions`` (name → intensity 1…3), ``primary`` (a name, "none", or a list of those that are acceptable,
the best first) and ``valence`` (-2…2) are needed; ``effort``, ``success`` and ``action`` are judged where they stand.
``understood`` false says that the text is not English and must not be read. Everything else is left alone.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from pipeline.domain.emotions import Emotion
from pipeline.domain.errors import Reason, Rejected
from pipeline.domain.limits import NAME_CHARS_MAX, RECORD_BYTES_MAX

ASIDE: Final[Mapping[str, tuple[str | None, ...]]] = {
    "success": ("met", "unmet", None),
    "effort": ("low", "high", None),
    "action": ("respond", "suggestion", "praise", "none"),
}
VALENCE_MAX: Final = 2
INTENSITIES: Final = (1, 3)
SPLITS: Final = ("train", "dev")
_SAID_CHARS: Final = 60  # of a wrong value that an error repeats


class Label(NamedTuple):
    """What people read in ``text``; ``primaries`` are the acceptable ones (None: no emotion), the best first.

    ``aside`` holds success, effort and action where they were labelled; ``group`` is what the row is counted under.
    """

    text: str
    emotions: frozenset[Emotion]
    primaries: tuple[Emotion | None, ...]
    valence: float
    aside: Mapping[str, str | None]
    understood: bool = True
    split: str | None = None
    group: str | None = None

    @property
    def negative(self) -> bool | None:
        """Whether the person is hurt; None where the labels leave it open.

        A hurting primary or a valence below zero says so; that only some of the acceptable primaries hurt, or that
        the valence lies on the other side of the primary, leaves it open.
        """
        hurting = [primary is not None and primary.hurts for primary in self.primaries]
        glad = any(primary is not None and not primary.hurts for primary in self.primaries)
        if any(hurting) != all(hurting) or (all(hurting) and self.valence > 0) or (glad and self.valence < 0):
            return None
        return all(hurting) or self.valence < 0


def parse_label(content: bytes, group: str = "source") -> Label:
    """Answer the label of a line; its group is the value of the field ``group``. Raises Rejected: what is wrong."""
    if len(content) > RECORD_BYTES_MAX:
        raise Rejected(Reason.TOO_LARGE, f"longer than {RECORD_BYTES_MAX} bytes")
    try:
        row = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Rejected(Reason.INVALID_JSON, f"not JSON: {error}") from None
    if not isinstance(row, dict):
        raise _wrong(f"a JSON object is expected, this is {type(row).__name__}")
    if missing := [name for name in ("text", "emotions", "primary", "valence") if name not in row]:
        raise _wrong(f"{', '.join(missing)} missing")
    if not isinstance(row["text"], str):
        raise _wrong(f"text must be a string, not {_said(row['text'])}")
    understood = row.get("understood", True)
    if not isinstance(understood, bool):
        raise _wrong(f"understood must be true or false, not {_said(understood)}")
    split = row.get("split")
    if split is not None and split not in SPLITS:
        raise _wrong(f"split must be {' or '.join(SPLITS)} where it is given, not {_said(split)}")
    return Label(
        row["text"],
        _emotions(row["emotions"]),
        _primaries(row["primary"]),
        _number("valence", row["valence"], -VALENCE_MAX, VALENCE_MAX),
        {name: _choice(name, row[name], known) for name, known in ASIDE.items() if name in row},
        understood,
        split,
        _group(group, row.get(group)),
    )


def emotion_of(name: Any) -> Emotion:
    """Answer the emotion called ``name``; "cared for" and "cared_for" are one. Raises Rejected."""
    try:
        return Emotion(name.strip().lower().replace(" ", "_"))
    except (AttributeError, ValueError):
        raise _wrong(f"{_said(name)} is none of the twenty emotions") from None


def _emotions(given: Any) -> frozenset[Emotion]:
    if not isinstance(given, dict):
        raise _wrong(f"emotions must map names to intensities, this is {_said(given)}")
    for name, intensity in given.items():
        _number(f"emotions.{name[:_SAID_CHARS]}", intensity, *INTENSITIES)
    return frozenset(map(emotion_of, given))


def _primaries(given: Any) -> tuple[Emotion | None, ...]:
    names = given if isinstance(given, list) else [given]
    if not names:
        raise _wrong('primary is an empty list; "none" stands for no emotion')
    return tuple(dict.fromkeys(None if name == "none" else emotion_of(name) for name in names))


def _number(name: str, given: Any, low: int, high: int) -> float:
    if not isinstance(given, int | float) or isinstance(given, bool) or not low <= given <= high:
        raise _wrong(f"{name} must be a number from {low} to {high}, not {_said(given)}")
    return float(given)


def _choice(name: str, given: Any, known: tuple[str | None, ...]) -> str | None:
    if not (given is None or isinstance(given, str)) or given not in known:
        raise _wrong(f"{name} must be {', '.join(each or 'null' for each in known)}, not {_said(given)}")
    return given


def _group(name: str, given: Any) -> str | None:
    if isinstance(given, dict | list):
        raise _wrong(f"{name} must be a string or a number, not {_said(given)}")
    return None if given is None else str(given)[:NAME_CHARS_MAX]


def _said(given: Any) -> str:
    told = orjson.dumps(given).decode()
    return told if len(told) <= _SAID_CHARS else f"{told[: _SAID_CHARS - 1]}…"


def _wrong(detail: str) -> Rejected:
    return Rejected(Reason.SCHEMA, detail)
