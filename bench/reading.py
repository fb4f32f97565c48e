"""What reading costs: ``python -m bench.reading``, about 15 s.

Texts of 10 to 1,000 words, made of whole feedbacks one after the other, are read in batches of 256 and one by one
by each reader, and scored by the valence lane and by vaderSentiment itself. Times are CPU time of this process, so
that neighbours on the machine disturb little; of several rounds, in which all contestants take turns, the best counts.
"""

import gc
from collections.abc import Callable, Sequence
from itertools import cycle
from time import process_time

from rich.console import Console
from rich.table import Table
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from bench.load import read_texts
from pipeline.readers import READERS, open_reader
from pipeline.readers.valence import polarity_scores

WORDS = (10, 20, 60, 200, 1_000)
BATCH = 256
ROUNDS = 3
WORDS_A_ROUND = 10_000  # of all texts of one length together
WORDS_A_ROUND_SLOW = 2_000  # of the library, which takes so long

Reads = Callable[[Sequence[str]], object]


def texts_of(words: int, texts: Sequence[str], total: int) -> list[str]:
    """Answer different texts of ``words`` words each, ``total`` words in all."""
    stream = cycle([word for text in texts for word in text.split()])
    return [" ".join(next(stream) for _ in range(words)) for _ in range(max(1, total // words))]


def contestants() -> dict[str, tuple[Reads, int]]:
    """Answer each contestant with the number of texts it is given at once."""
    library = SentimentIntensityAnalyzer()
    readers = {name: open_reader(name) for name in READERS}
    asked: dict[str, tuple[Reads, int]] = {
        "vaderSentiment": (lambda texts: [library.polarity_scores(text) for text in texts], BATCH),
        "valence lane": (lambda texts: [polarity_scores(text) for text in texts], BATCH),
    }
    for name, reader in readers.items():
        asked[f"{name}, batch"] = (reader.read, BATCH)
        asked[f"{name}, single"] = (reader.read, 1)
    return asked


def cost(read: Reads, size: int, texts: Sequence[str]) -> float:
    """Answer the CPU time of reading ``texts``, ``size`` at once, in µs a text."""
    read(texts[:size])  # what was read before left caches cold for this one
    gc.collect()
    start = process_time()
    for first in range(0, len(texts), size):
        read(texts[first : first + size])
    return (process_time() - start) / len(texts) * 1e6


def run() -> dict[str, dict[int, float]]:
    """Answer contestant → words of a text → µs a text."""
    texts = read_texts()
    asked = contestants()
    best: dict[str, dict[int, float]] = {name: {} for name in asked}
    for words in WORDS:
        rows = texts_of(words, texts, WORDS_A_ROUND)
        for _ in range(ROUNDS):
            for name, (read, size) in asked.items():
                given = rows[: max(1, WORDS_A_ROUND_SLOW // words)] if name == "vaderSentiment" else rows
                taken = cost(read, size, given)
                best[name][words] = min(taken, best[name].get(words, taken))
    return best


def main() -> None:
    """Run and print a table: µs a text, texts a second and core, and how often faster than the library."""
    found = run()
    table = Table(title="Reading: µs a text · texts/s/core · times vaderSentiment")
    table.add_column("reader")
    for words in WORDS:
        table.add_column(f"{words:,} words", justify="right")
    library = found["vaderSentiment"]
    for name, taken in found.items():
        table.add_row(
            name,
            *(f"{taken[n]:,.1f} · {1e6 / taken[n]:,.0f} · {library[n] / taken[n]:.1f}×" for n in WORDS),
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
