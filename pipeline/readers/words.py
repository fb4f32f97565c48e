"""Words, and the pieces of words that the models know.

A text is cut into words once: runs of letters and digits (with the apostrophes inside), and runs of signs. Addresses
and names that somebody is called by (@name) are words without pieces: they say nothing of what is felt. Any other word
becomes the ids of its pieces in the vocabulary of uncased BERT (WordPiece: the longest piece first, then the longest
that continues it; Wu et al. 2016), and is remembered, since most words of a text have been met before. An emoji
stands for the words that it says. Accents are dropped, and letters of fancy alphabets are read as plain ones.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final
from unicodedata import combining, normalize

from pipeline.domain.addresses import LINK, MAILBOX
from pipeline.domain.errors import Misconfigured
from pipeline.domain.lower import lowered

WORDS_KEPT_MAX: Final = 65_536  # words remembered before all are forgotten
WORD_CHARS_MAX: Final = 48  # longer words are looked at each time
WORD_PIECES_MAX: Final = 8  # of one word that are read
SIGNS_MAX: Final = 3  # of one run of signs that are read
FOREIGN_WORDS_MIN: Final = 2  # different words of another language before a text counts as not English
ENGLISH_WORDS_ENOUGH: Final = 2  # more little words of English than of others, which tell it by themselves
WORDS_JUDGED_MIN: Final = 5  # words from which a text is judged by the vocabulary
WHOLE_SHARE_MIN: Final = 0.45  # of the words of an English text that the vocabulary has whole
UNKNOWN: Final = 100  # the id of what the vocabulary does not have
GAP: Final = 0  # the id of no piece, between two texts

WORDS: Final = re.compile(LINK + r"|@\w+|[^\W_]+(?:['’][^\W_]+)*|(?:[^\w\s]|_)+")
_WITH_MAILBOXES: Final = re.compile(f"{MAILBOX}|{WORDS.pattern}")  # slower, and seldom asked for
_POINTS: Final = ("http://", "https://", "www.", "@")  # what begins so says where or who, and has no pieces
_LETTER: Final = re.compile(r"[^\W\d_]")
_SINGLE: Final = re.compile(r"[^\W_]+|[^\w\s]|_")
_LATIN_LAST: Final = "\u024f"


def words_of(text: str) -> list[str]:
    """Answer the words of ``text``, in lower case."""
    lower = lowered(text)
    return _pattern(lower).findall(lower)


def places_of(text: str) -> list[tuple[int, int]]:
    """Answer from where to where (exclusive) each of the words of ``text`` stands in it."""
    lower = lowered(text)
    return [found.span() for found in _pattern(lower).finditer(lower)]


def _pattern(lower: str) -> re.Pattern[str]:
    return _WITH_MAILBOXES if "@" in lower else WORDS


class Pieces(dict[str, tuple[int, ...]]):
    """Words in lower case → the ids of their pieces; learns a word when it is first asked."""

    def __init__(self, vocabulary: Mapping[str, int], told: Mapping[str, Any]) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.rows = max(vocabulary.values()) + 1  # of what is kept for each id; some ids stand for nothing
        self.english = frozenset(told["tongue"]["english"].split())
        self.foreign = frozenset(told["tongue"]["foreign"].split()) - self.english
        self.drawn = {sign: said for said, signs in told["drawn"].items() for sign in signs.split()}
        self._drawn = re.compile("|".join(re.escape(sign) for sign in sorted(self.drawn, key=len, reverse=True)))

    def __missing__(self, word: str) -> tuple[int, ...]:
        """Learn ``word``."""
        if word in self.vocabulary and word.isalnum() and word.isascii():
            self[word] = known = (self.vocabulary[word],)  # there are fewer of these than words are kept
            return known
        head = word[:WORD_CHARS_MAX]
        points = (len(word) > 1 and word.startswith(_POINTS)) or ("@" in word and word[0].isalnum())
        ids = () if points else tuple(islice(self._learnt(head), WORD_PIECES_MAX)) or (UNKNOWN,)
        if head is word or len(word) <= WORD_CHARS_MAX:
            if len(self) >= WORDS_KEPT_MAX:
                self.clear()
            self[word] = ids
        return ids

    def _learnt(self, word: str) -> Iterator[int]:
        if word[0].isalnum():
            for part in _SINGLE.findall(_plain(word)):
                yield from self._pieces(part)
            return
        said = self._drawn.findall(word)
        for sign in said[:SIGNS_MAX]:
            for part in self.drawn[sign].split():
                yield from self._pieces(part)
        for part in _SINGLE.findall(_plain(self._drawn.sub("", word)))[:SIGNS_MAX]:
            yield from self._pieces(part)

    def _pieces(self, word: str) -> Sequence[int]:
        found: list[int] = []
        start = 0
        while start < len(word):
            head = "##" if start else ""
            for end in range(len(word), start, -1):
                known = self.vocabulary.get(head + word[start:end])
                if known is not None:
                    found.append(known)
                    start = end
                    break
            else:
                return (UNKNOWN,)
        return found

    def familiar(self, words: Sequence[str]) -> bool:
        """Say whether any of ``words`` is known whole, or a sign that is drawn: without one, a reading is a guess."""
        return any(len(ids := self[word]) == 1 and ids[0] != UNKNOWN and word[0].isalnum() for word in words) or any(
            self._drawn.search(word) for word in words
        )

    def is_english(self, words: Sequence[str]) -> bool:
        """Say whether ``words`` (in lower case) are English as far as one can tell; no words are.

        The little words of a language tell it. Where there are few, it is told by whether the vocabulary, which is
        that of English books, has most of the words whole.
        """
        english = len(self.english.intersection(words))
        foreign = len(self.foreign.intersection(words))
        if foreign >= FOREIGN_WORDS_MIN and foreign > english:
            return False
        if english >= ENGLISH_WORDS_ENOUGH + foreign:
            return True
        spoken = [word for word in words if _LETTER.match(word) and self[word]]
        if not english and (foreign or any(max(word) > _LATIN_LAST for word in map(_plain, spoken))):
            return False
        whole = sum(len(self[word]) == 1 for word in spoken)
        return len(spoken) < WORDS_JUDGED_MIN or whole >= WHOLE_SHARE_MIN * len(spoken)


def _plain(word: str) -> str:
    """Answer ``word`` without accents, in plain letters and in lower case."""
    if word.isascii():
        return word
    return "".join(sign for sign in normalize("NFKD", word.replace("’", "'")) if not combining(sign)).lower()


@cache
def pieces() -> Pieces:
    """Answer the pieces that ship with this package, read once. Raises Misconfigured where they are wrong."""
    here = files(__package__)
    try:
        vocabulary = (here / "pieces.txt").read_text("utf-8").split("\n")
        return Pieces(
            {piece: place for place, piece in enumerate(vocabulary) if piece},
            tomllib.loads((here / "words.toml").read_text("utf-8")),
        )
    except (OSError, KeyError, ValueError) as error:
        raise Misconfigured(f"pipeline/readers: pieces.txt or words.toml cannot be read: {error}") from error
