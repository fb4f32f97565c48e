"""Texts without labels, for larger readers to read to smaller ones: NDJSON with ``id`` and ``text``, GoEmotions as TSV.

A folder of data holds ``labelled/*.jsonl``, ``real/*.jsonl`` and ``goemotions/*.tsv``; each may be missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np
import orjson

from pipeline.domain.errors import Misconfigured
from pipeline.readers.passages import ENDS, PIECES_MAX, passages
from pipeline.readers.training.student import Texts
from pipeline.readers.valence import compound
from pipeline.readers.words import Pieces, places_of, words_of

GOEMOTIONS: Final = "goemotions"
PASSAGES_MAX: Final = 4  # of a long text
SENTENCES_MAX: Final = 6  # of a text, taken alone beside it
SENTENCE_WORDS_MIN: Final = 4
PAIRS_SHARE: Final = 0.6  # of mixed texts that are two texts joined; the others are a few words of one
PAIRED_WORDS: Final = (4, 22)  # of a text that is joined with another
CUT_WORDS: Final = (2, 12)  # of a few words of a text
JOINTS: Final = (". ", ". ", ". ", "! ", " ", ", but ", " and ", ". However, ")
_COLUMNS: Final = 3  # text, labels, comment id


def labelled(data: Path) -> list[Path]:
    """Answer the label files of a folder of data. Raises Misconfigured where there is none."""
    found = sorted((data / "labelled").glob("*.jsonl"))
    if not found:
        raise Misconfigured(f"{data}/labelled holds no .jsonl file; the recipe needs labels (see MODEL_CARD.md)")
    return found


def texts(data: Path) -> dict[str, str]:
    """Answer the texts of a folder of data by id. Raises Misconfigured: file, line, why."""
    found: dict[str, str] = {}
    for path in sorted((data / "real").glob("*.jsonl")):
        found.update(_ndjson(path))
    for path in sorted((data / GOEMOTIONS).glob("*.tsv")):
        found.update(_goemotions(path))
    return found


def cut(known: Mapping[str, str], pieces: Pieces) -> dict[str, str]:
    """Answer the texts with the long ones in passages, as readers read them: id#0, id#1 and so on; English only.

    Of a long text a few passages are taken, which, its id decides: long texts are many words of few writers. A few
    sentences of each text are taken alone as well (id/0, id/1 …): what each of them says is not seen in the whole.
    """
    parts: dict[str, str] = {}
    for name, text in known.items():
        words = words_of(text)
        if not words or not pieces.is_english(words):
            continue
        where, alone = passages(words, [pieces[word] for word in words]), _sentences(words)
        chance = np.random.default_rng(crc32(name.encode()))
        places = places_of(text)
        if len(where) == 1:
            parts[name] = text
            taken = []
        else:
            taken = [(f"{name}#{place}", where[place]) for place in _drawn(len(where), PASSAGES_MAX, chance)]
        taken += [(f"{name}/{place}", alone[place]) for place in _drawn(len(alone), SENTENCES_MAX, chance)]
        parts |= {part: text[places[first][0] : places[last - 1][1]] for part, (first, last) in taken}
    return parts


def mixed(known: Sequence[str], count: int) -> list[str]:
    """Answer ``count`` texts that nobody wrote, the same for the same ones: two of ``known`` joined, or words of one.

    They teach a small network that what stands beside a word may be about something else, and what a few words say.
    """
    chance = np.random.default_rng(len(known))
    short = [text for text in known if PAIRED_WORDS[0] <= len(text.split()) <= PAIRED_WORDS[1]] or known
    found: list[str] = []
    while len(found) < count:
        if chance.random() < PAIRS_SHARE:
            first, second = (short[place].strip() for place in chance.integers(len(short), size=2).tolist())
            joint = JOINTS[int(chance.integers(len(JOINTS)))]
            if joint.rstrip()[-1:] not in {"", *ENDS} and second[1:2].islower():
                second = second[0].lower() + second[1:]
            found.append(f"{first.rstrip('.!?…')}{joint}{second}")
        else:
            words = known[int(chance.integers(len(known)))].split()
            many = min(int(chance.integers(CUT_WORDS[0], CUT_WORDS[1] + 1)), len(words))
            start = int(chance.integers(len(words) - many + 1))
            found.append(" ".join(words[start : start + many]))
    return found


def _drawn(count: int, most: int, chance: np.random.Generator) -> list[int]:
    drawn: list[int] = chance.permutation(count)[:most].tolist()
    return sorted(drawn)


def _sentences(words: Sequence[str]) -> list[tuple[int, int]]:
    """Answer the sentences of a text that are not all of it, as first word and last (exclusive)."""
    ends = [place + 1 for place, word in enumerate(words) if word[0] in ENDS]
    found = [*pairwise([0, *ends, len(words)])]
    return [(a, b) for a, b in found if SENTENCE_WORDS_MIN <= b - a < len(words)]


def encoded(all_texts: Sequence[str], pieces: Pieces, most: int) -> list[list[int]]:
    """Answer the ids of the first ``most`` pieces of each text; one at least."""
    found: list[list[int]] = []
    for text in all_texts:
        ids: list[int] = []
        for word in words_of(text):
            ids.extend(pieces[word])
            if len(ids) >= most:
                break
        found.append(ids[:most] or list(pieces["?"]))
    return found


def parted(all_texts: Sequence[str], pieces: Pieces, most: int = PIECES_MAX) -> tuple[list[list[int]], list[int]]:
    """Answer the ids of the (at most ``most``) pieces of each passage of the texts, and how many each text has."""
    ids: list[list[int]] = []
    counts: list[int] = []
    for text in all_texts:
        words = words_of(text) or ["?"]
        several = [pieces[word] for word in words]
        where = passages(words, several, most)
        ids += [[*chain.from_iterable(several[first:last])] for first, last in where]
        counts.append(len(where))
    return ids, counts


def met(all_texts: Sequence[str], pieces: Pieces, most: int) -> Texts:
    """Answer the texts as the fast network meets them."""
    return Texts(encoded(all_texts, pieces, most), np.array([compound(text) for text in all_texts], np.float32))


def _ndjson(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = orjson.loads(line)
                yield str(row["id"]), str(row["text"])
            except (ValueError, KeyError, TypeError) as error:
                raise Misconfigured(f"{path}:{number}: not an object with id and text: {error}") from None


def _goemotions(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            columns = line.rstrip("\r\n").split("\t")
            if len(columns) != _COLUMNS:
                raise Misconfigured(f"{path}:{number}: text, labels and comment id are expected, split by tabs")
            yield f"{GOEMOTIONS}:{columns[2]}", columns[0]
