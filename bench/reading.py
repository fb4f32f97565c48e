"""What reading costs: ``python -m bench reading [--labels FILE…]``, about 5 minutes.

Texts of 10 to 1,000 words, made of whole feedbacks one after the other, are read in batches of 256 and one by one by
every reader that is installed, beside vaderSentiment itself, the valence lane, and a plain scikit-learn pipeline. No
text is read twice by anybody, so that only words may be remembered; every contestant has read other texts for a second
before, as a worker has that runs. Times are CPU time of this process, numeric libraries bound to one thread, so that
neighbours on the machine disturb little; contestants take turns on the same texts, and medians of the rounds count.
Load time and memory are those of fresh processes (see fresh.py).

The pipeline's weights come from the labels given, or from the hard cases of the tests: its speed hardly depends on
them, and nothing is said of how right it is.
"""

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, NamedTuple

from bench import fresh, report
from bench.texts import distinct, read_texts, texts_of
from pipeline.domain.errors import Misconfigured
from pipeline.readers import READERS, open_reader

WORDS = (10, 20, 60, 200, 1_000)
BATCH = 256
ROUNDS = 3
WORDS_A_ROUND = 10_000  # of all texts of one length together, but at least one batch
WARM_TEXTS = 16  # read before the clock starts: what others read left caches cold
ASIDE = 4  # one text in so many is only read to grow warm
ASIDE_WORDS = 20  # of such a text
ASIDE_SECONDS = 1.0  # of reading them
SECONDS_MAX = 2.0  # of one measurement; whoever is slow reads fewer texts
FRESH_TEXTS = 10_000  # that a fresh process reads
FRESH_WORDS = 30  # of each
LABELS = (Path(__file__).parent.parent / "tests" / "samples" / "hard_cases.jsonl",)
LIBRARY = "vaderSentiment"
PLAIN = "scikit-learn"

Reads = Callable[[Sequence[str]], object]


class Contestant(NamedTuple):
    """Reads texts, ``size`` at once."""

    name: str
    read: Reads
    size: int

    @property
    def title(self) -> str:
        """How it is called in a table."""
        return f"{self.name}, {'single' if self.size == 1 else f'batches of {self.size}'}"


def contestants(plain: Reads) -> Iterator[Contestant]:
    """Answer each contestant, the library first; readers that lack something are named and left out."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    from pipeline.readers.valence import polarity_scores

    library = SentimentIntensityAnalyzer()
    yield Contestant(LIBRARY, lambda texts: [library.polarity_scores(text) for text in texts], 1)
    yield Contestant("valence lane", lambda texts: [polarity_scores(text) for text in texts], 1)
    asked = {name: reader.read for name, reader in installed().items()} | {PLAIN: plain}
    for name, read in asked.items():
        yield Contestant(name, read, BATCH)
        yield Contestant(name, read, 1)


def installed() -> dict[str, Any]:
    """Answer every reader whose needs are met."""
    found = {}
    for name in READERS:
        try:
            found[name] = open_reader(name)
        except Misconfigured as missing:
            print(f"  without the reader {name}: {missing}", flush=True)
    return found


def cost(one: Contestant, texts: Sequence[str]) -> float:
    """Answer the CPU time of reading texts in µs a text; the first WARM_TEXTS are not counted."""
    warm, rest = texts[:WARM_TEXTS], texts[WARM_TEXTS:]
    gc.collect()
    start = process_time()
    one.read(warm[:1])
    one.read(warm[1:])
    each = max((process_time() - start) / len(warm), 1e-7)
    given = rest[: max(WARM_TEXTS, int(SECONDS_MAX / each))]
    start = process_time()
    for first in range(0, len(given), one.size):
        one.read(given[first : first + one.size])
    return (process_time() - start) / len(given) * 1e6


def grow_warm(one: Contestant, texts: Sequence[str]) -> None:
    """Let a contestant read ``texts`` for a second, or all of them."""
    end = process_time() + ASIDE_SECONDS
    for first in range(0, len(texts), one.size):
        one.read(texts[first : first + one.size])
        if process_time() > end:
            return


def measure(asked: Sequence[Contestant], texts: Sequence[str], rounds: int) -> dict[str, dict[int, float]]:
    """Answer contestant → words of a text → µs a text, medians of ``rounds``, each of which has texts of its own."""
    found: dict[str, dict[int, float]] = {one.title: {} for one in asked}
    aside, texts = texts[::ASIDE], [text for place, text in enumerate(texts) if place % ASIDE]
    several = list(islice(texts_of(ASIDE_WORDS, aside), sum(len(text.split()) for text in aside) // ASIDE_WORDS))
    for one in asked:
        grow_warm(one, several)
    for words in WORDS:
        print(f"  texts of {words:,} words", flush=True)
        size = WARM_TEXTS + max(BATCH, WORDS_A_ROUND // words)
        rows = distinct(words, texts, rounds * size)
        taken: dict[str, list[float]] = {one.title: [] for one in asked}
        for turn in range(rounds):
            # Readers share what the valence lane remembers of words, so another one comes first each time.
            begin = turn * len(asked) // rounds
            for one in (*asked[begin:], *asked[:begin]):
                taken[one.title].append(cost(one, rows[turn * size : (turn + 1) * size]))
        for title, costs in taken.items():
            found[title][words] = round(median(costs), 2)
    return found


def run(texts: Sequence[str], labels: Sequence[Path] = (), rounds: int = ROUNDS) -> dict[str, Any]:
    """Answer ``us_a_text`` (contestant → words → µs) and ``fresh`` (name → load_ms, loaded_mb, read_mb)."""
    os.environ.update(fresh.ONE_THREAD)  # before anything numeric is imported
    import joblib

    from bench.peers.plain_sklearn import fitted, read_labels

    print("  fitting the scikit-learn pipeline", flush=True)
    plain = fitted(read_labels(labels or LABELS), texts)
    asked = list(contestants(plain.read))
    speeds = measure(asked, texts, rounds)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plain.joblib"
        joblib.dump(plain, path)
        starts, given = {}, distinct(FRESH_WORDS, texts, FRESH_TEXTS)
        for name in dict.fromkeys(one.name for one in asked if one.name != "valence lane"):
            print(f"  {name} in fresh processes", flush=True)
            starts[name] = fresh.measured(str(path) if name == PLAIN else name, given)
    return {"us_a_text": speeds, "fresh": starts}


def told(figures: Mapping[str, Any]) -> str:
    """Answer the figures as tables: speed with its ratio to the library, load time and memory."""
    speeds = figures["us_a_text"]
    library = next(iter(speeds.values()))
    rows = [
        {"reader": title}
        | {str(n): f"{us:,.1f} · {1e6 / us:,.0f} · {report.shown(library[n] / us)}×" for n, us in taken.items()}
        for title, taken in speeds.items()
    ]
    lengths = {str(n): f"{n:,} words" for n in WORDS}
    starts = [{"reader": name, **figures} for name, figures in figures["fresh"].items()]
    memory = {"load_ms": "load ms", "loaded_mb": "RSS MB, loaded", "texts": "texts read", "read_mb": "RSS MB then"}
    return "\n\n".join(
        (
            f"CPU µs a text · texts/s/core · how many times as fast as {LIBRARY}; no text is read twice.",
            report.table(rows, {"reader": "reader", **lengths}),
            f"Fresh processes, medians of {fresh.RUNS}: from the first import to the first reading, and memory.",
            report.table(starts, {"reader": "reader", **memory}),
        )
    )


if __name__ == "__main__":
    print(told(run(read_texts())))
