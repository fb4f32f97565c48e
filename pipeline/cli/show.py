"""How things look: text of strangers made harmless, colours of the emotions, JSON lines.

Feedback is written by strangers and shown on terminals, which obey what they are shown. ``safe`` leaves nothing
that a terminal obeys: control characters become visible, and so do the marks that turn the direction of writing.
The consoles read no markup, so a text with ``[red]`` in it is shown as it stands.
"""

import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from pipeline.domain.emotions import Emotion
    from pipeline.domain.reading import Span

# C0, DEL and C1; line and paragraph separators; marks of direction; zero-width ones, byte order mark; lone
# surrogates (which cannot be written); tags. The zero-width joiner stays: emoji are made with it.
_OBEYED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_SPACES = re.compile(r"[ \t\r\n]+")
_STACKED = re.compile("([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3})"
                      "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip

CLUSTER_STYLES: Mapping[str, str] = {
    "destroyers": "#ff6b6b",
    "attention": "#f2c14e",
    "recommendation": "#5ab1ef",
    "advocacy": "#5fd787",
}
SEVERITY_STYLES: Mapping[str, str] = {"high": "bold #ff6b6b", "normal": "#f2c14e", "low": "dim"}
CHANNEL_MARKS: Mapping[str, str] = {
    "email": "✉",
    "chat": "❝",
    "call": "☏",
    "social": "@",
    "app": "▣",
    "survey": "☑",
    "review": "★",
    "store": "⌂",
    "kiosk": "▢",
    "invoice": "≡",
}
PERSON_CHARS = 9


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"‹U+{code:04X}›"


def safe(text: str) -> str:
    """Answer ``text`` with nothing in it that a terminal obeys; line ends and tabs are kept."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(_STACKED.sub(r"\1", _OBEYED.sub(_visible, line.replace("\t", "    "))) for line in lines)


def line(text: str) -> str:
    """Answer ``text`` as one harmless line."""
    return safe(_SPACES.sub(" ", text).strip())


def excerpt(text: str, chars: int) -> str:
    """Answer the beginning of ``text`` as one harmless line of at most ``chars`` characters."""
    short = line(text[: 4 * chars + 64])
    return short if len(short) <= chars else short[: max(0, chars - 1)] + "…"


@cache
def console() -> "Console":
    """The console on stdout; it reads no markup."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)


@cache
def errors() -> "Console":
    """The console on stderr; it reads no markup."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, stderr=True, soft_wrap=True)


def complain(sentence: str) -> None:
    """Say on stderr what went wrong."""
    from rich.text import Text

    errors().print(Text.assemble(("heartline: ", "bold #ff6b6b"), safe(sentence)))


def note(sentence: str) -> None:
    """Say on stderr what is going on; not part of the result."""
    from rich.text import Text

    errors().print(Text(safe(sentence), style="dim"))


def emit(value: Any) -> None:
    """Write ``value`` as one line of JSON; on a terminal in ASCII, so that nothing in it is obeyed."""
    import orjson

    told = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    if sys.stdout.isatty():
        sys.stdout.write(json.dumps(orjson.loads(told)) + "\n")
    else:
        sys.stdout.write(told.decode() + "\n")
    sys.stdout.flush()


def emit_bytes(told: bytes) -> None:
    """Write a line that is JSON already."""
    if sys.stdout.isatty():
        told = json.dumps(json.loads(told)).encode()
    sys.stdout.write(told.decode() + "\n")


def short(person: str) -> str:
    """Answer the beginning of a person's id: enough to tell two apart on a screen."""
    return safe(person[:PERSON_CHARS])


def channel(name: str, chars: int = 8) -> str:
    """Answer a channel with its mark."""
    return f"{CHANNEL_MARKS.get(name, '·')} {excerpt(name, chars)}"


def topic(name: str) -> str:
    """Answer the name of a topic as one says it."""
    return excerpt(name.replace("_", " "), 30)


def emotion_style(emotion: "Emotion | str | None") -> str:
    """Answer the colour of an emotion's cluster; dim for none."""
    if emotion is None:
        return "dim"
    from pipeline.domain.emotions import Emotion

    return CLUSTER_STYLES[Emotion(emotion).cluster]


def emotion_text(emotion: "Emotion | None", *, understood: bool = True) -> "Text":
    """Answer the name of an emotion in its colour."""
    from rich.text import Text

    if emotion is None:
        return Text("no emotion" if understood else "not understood", style="dim")
    return Text(emotion.replace("_", " "), style=emotion_style(emotion))


def marked(text: str, spans: "tuple[Span, ...]", chars: int | None = None, *, one_line: bool = True) -> "Text":
    """Answer ``text`` harmless, with the words that show why in their emotion's colour.

    With ``chars`` a window of about that many characters that holds as much of the spans as it can.
    """
    from rich.text import Text

    start, end = _window(text, spans, chars)
    told = Text("…" if start else "")
    at = start
    clean = line if one_line else safe
    for span in sorted(spans, key=lambda each: (each.start, each.end)):
        first, last = max(span.start, at), min(span.end, end)
        if first >= last:
            continue
        told.append(_piece(text[at:first], clean))
        told.append(_piece(text[first:last], clean), style=f"bold underline {emotion_style(span.emotion)}")
        at = last
    told.append(_piece(text[at:end], clean))
    if end < len(text):
        told.append("…")
    return told


def _piece(text: str, clean: Any) -> str:
    """Clean a part of a text, keeping that it began or ended with a space."""
    if not text:
        return ""
    middle: str = clean(text)
    if not middle:
        return " "
    head = " " if text[0].isspace() and not middle[0].isspace() else ""
    tail = " " if text[-1].isspace() and not middle[-1].isspace() else ""
    return head + middle + tail


def _window(text: str, spans: "tuple[Span, ...]", chars: int | None) -> tuple[int, int]:
    if chars is None or len(text) <= chars:
        return 0, len(text)
    first = min((span.start for span in spans), default=0)
    start = 0 if first < chars * 2 // 3 else first - chars // 4
    if start:
        space = text.find(" ", start, first)
        start = space + 1 if space >= 0 else start
    return start, min(len(text), start + chars)


def bar(value: float, low: float, high: float, cells: int) -> "Text":
    """Answer a bar from zero to ``value`` on a scale of ``cells`` from ``low`` to ``high``, red below zero."""
    from rich.text import Text

    zero = round((0 - low) / (high - low) * (cells - 1))
    end = round((min(max(value, low), high) - low) / (high - low) * (cells - 1))
    told = Text()
    for cell in range(cells):
        inside = end <= cell < zero or zero < cell <= end
        style = CLUSTER_STYLES["destroyers" if value < 0 else "advocacy"] if inside else "dim"
        told.append("█" if inside else "│" if cell == zero else "─", style=style)
    return told


def when(at: datetime) -> str:
    """Answer a time in UTC, to the minute."""
    return f"{at:%Y-%m-%d %H:%M}"
