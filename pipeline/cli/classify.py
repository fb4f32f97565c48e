"""``heartline classify``: what is felt in a text, how surely, the words that show it, and what it is about."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.ask import ReaderOption, ask
from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.cli.lines import Line
    from pipeline.domain.aspects import Topics
    from pipeline.domain.reading import Reading
    from pipeline.ports import Reader

INTEGER_MAX = 2**63  # beyond 64 bits a whole number is read as a float, which is another one


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(classify)


async def classify(
    place: Place,
    text: Annotated[str, typer.Argument(help="The text; - reads NDJSON with id and text from standard input.")],
    reader: ReaderOption = None,
) -> int:
    """Read the emotion in a text and show the words that led to it, and what of the policy's topics it is about.

    Needs no server. With - every line in, {"id": …, "text": …}, gives one line out: the reading with its id, in the
    same order; a line that cannot be read gives {"id", "line", "error"}, and the exit code is 1 at the end.

    \b
    heartline classify "Third time I explain this and nobody calls back!"
    heartline classify - < texts.ndjson > readings.ndjson
    """
    from pipeline.compose import load_policy
    from pipeline.readers import open_reader

    eye = open_reader(reader or place.settings.reader, place.settings.weights)
    topics = load_policy(place.settings).aspects
    if text == "-":
        return await _stream(eye, topics)
    text = text.encode(errors="surrogateescape").decode(errors="replace")  # the shell gives any bytes
    (reading,) = topics.about([text], await ask(eye, [text]))
    if place.json:
        from pipeline.cli.show import emit

        emit({"text": text, **reading.model_dump(mode="json")})
    else:
        _show(text, reading)
    return 0


async def _stream(reader: "Reader", topics: "Topics") -> int:
    from pipeline.cli.lines import chunks
    from pipeline.domain.limits import BATCH_EVENTS_MAX

    code = 0
    async for lines in chunks("-"):
        for start in range(0, len(lines), BATCH_EVENTS_MAX):
            code |= await _answer(reader, topics, lines[start : start + BATCH_EVENTS_MAX])
        sys.stdout.flush()
    return code


async def _answer(reader: "Reader", topics: "Topics", lines: "Sequence[Line]") -> int:
    import orjson

    from pipeline.cli.show import emit_bytes

    asked = [question(number, content) for number, content in lines if content.strip()]
    texts = [one["text"] for one in asked if "error" not in one]
    readings = iter(topics.about(texts, await ask(reader, texts)))
    wrong = 0
    for one in asked:
        if "error" in one:
            wrong = 1
            emit_bytes(orjson.dumps(one))
        else:
            reading = next(readings).model_dump_json().encode()
            emit_bytes(b'{"id":' + orjson.dumps(one["id"]) + b"," + reading[1:])
    return wrong


def question(number: int, content: bytes) -> dict[str, Any]:
    """Answer ``id`` and ``text`` of a line, or what is wrong with it under ``error``."""
    import orjson

    from pipeline.domain.limits import RECORD_BYTES_MAX

    if len(content) > RECORD_BYTES_MAX:
        return _wrong(None, number, f"longer than {RECORD_BYTES_MAX} bytes")
    try:
        given = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return _wrong(None, number, f"not JSON: {error}")
    if not isinstance(given, dict):
        return _wrong(None, number, f"a JSON object with id and text is expected, this is {type(given).__name__}")
    name, text = given.get("id"), given.get("text")
    if isinstance(name, dict | list | bool):
        return _wrong(None, number, "id must be a string or a number")
    if isinstance(name, float) and abs(name) >= INTEGER_MAX:
        return _wrong(None, number, "id is too large a number to come back as it is; send it as a string")
    if not isinstance(text, str):
        return _wrong(name, number, "text is missing" if text is None else "text must be a string")
    return {"id": name, "text": text}


def _wrong(name: Any, number: int, why: str) -> dict[str, Any]:
    return {"id": name, "line": number, "error": why}


def _show(text: str, reading: "Reading") -> None:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli import show

    out = show.console()
    title = show.emotion_text(reading.primary, understood=reading.understood)
    out.print(Panel(show.marked(text, reading.spans, one_line=False), title=title, title_align="left", padding=(1, 2)))
    if reading.emotions:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("emotion", "cluster", "confidence", "", "intensity", "words", "about"):
            table.add_column(heading, header_style="dim")
        ordered = sorted(reading.emotions.items(), key=lambda one: (one[0] != reading.primary, -one[1].confidence))
        for emotion, felt in ordered:
            shown = [span for span in reading.spans if span.emotion == emotion]
            words = [show.excerpt(text[span.start : span.end], 30) for span in shown]
            about = dict.fromkeys(show.topic(span.topic) for span in shown if span.topic)
            table.add_row(
                show.emotion_text(emotion),
                Text(emotion.cluster, style=show.emotion_style(emotion)),
                f"{felt.confidence:.0%}",
                Text("━" * round(felt.confidence * 12), style=show.emotion_style(emotion)),
                "●" * felt.intensity + "○" * (3 - felt.intensity),
                Text(", ".join(dict.fromkeys(words)), style="italic"),
                ", ".join(about),
            )
        out.print(table)
        out.print()
    told = [f"valence {reading.valence:+.2f}", f"hurt {reading.negative:.0%}"]
    told += [f"success {reading.success}"] if reading.success else []
    told += [f"effort {reading.effort}"] if reading.effort else []
    told += [f"action {reading.action}"]
    told += [f"topics {', '.join(map(show.topic, reading.topics))}"] if reading.topics else []
    told += ["too uncertain to act on"] if reading.review else []
    told += ["only its beginning was read"] if reading.truncated else []
    out.print(Text("   ".join(told), style="dim"), Text(f"reader {show.line(reading.reader)}", style="dim"), sep="   ")
