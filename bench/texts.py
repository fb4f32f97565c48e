"""The texts of the benchmarks; this file imports little, so that a process that is measured may use it."""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import orjson

TEXT_CHARS_MIN = 2


def read_texts(folder: Path | None = None) -> list[str]:
    """Answer the texts of a folder of NDJSON files, or those that come with the benchmark."""
    if folder is None:
        lines = gzip.decompress((Path(__file__).parent / "texts.ndjson.gz").read_bytes()).splitlines()
    else:
        paths = sorted([*folder.glob("*.jsonl"), *folder.glob("*.ndjson")])
        lines = [line for path in paths for line in path.read_bytes().splitlines()]
    texts = [row["text"] for row in map(orjson.loads, filter(None, lines)) if row.get("text")]
    kept = [text for text in texts if len(text.strip()) >= TEXT_CHARS_MIN]
    if not kept:
        raise SystemExit(f"no texts in {folder}: *.jsonl or *.ndjson files whose lines have a 'text' are wanted")
    return kept


def texts_of(words: int, texts: Iterable[str]) -> Iterator[str]:
    """Answer texts of ``words`` words each without end, made of whole feedbacks one after the other.

    No two are the same until the words have come round so often that they begin at the same one again: a reader that
    remembers whole texts gains nothing.
    """
    stream = cycle([word for text in texts for word in text.split()])
    while True:
        yield " ".join(islice(stream, words))


def distinct(words: int, texts: Sequence[str], count: int) -> list[str]:
    """Answer ``count`` different texts of ``words`` words each. Raises SystemExit where there are not so many."""
    found = dict.fromkeys(islice(texts_of(words, texts), 2 * count))
    if len(found) < count:
        raise SystemExit(f"{count} different texts of {words} words are wanted, there are {len(found)}")
    return list(found)[:count]
