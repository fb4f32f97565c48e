"""The table of cues: which words show which emotion, as a trie over words."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any, Final, NamedTuple

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.errors import Misconfigured
from pipeline.readers.valence import NOT_ASCII, lexicon

TOKENS_KEPT_MAX: Final = 65_536  # words remembered before all are forgotten
TOKEN_CHARS_MAX: Final = 48  # longer words are looked at each time
PLAIN_VALENCE_MIN: Final = 1.5  # of VADER's lexicon (-4…4), for a word to count as a mild cue
STRENGTHS: Final = {"mild": 1, "clear": 2, "strong": 3}
LANES: Final = (
    "effort.high",
    "effort.low",
    "success.met",
    "success.unmet",
    "action.respond",
    "action.suggestion",
    "action.praise",
    "none.bare",
    "tale.hard",
    "tale.kind",
)
NEGATES, BOOSTS, DAMPENS, TURNS, MOCKS, BREAKS, ENDS = (1 << bit for bit in range(7))
_BENDS: Final = {"negations": NEGATES, "boosters": BOOSTS, "dampeners": DAMPENS, "turns": TURNS, "sarcastic": MOCKS}
ANY: Final = "_"


class Cue(NamedTuple):
    """What a phrase shows: places of emotions in :data:`EMOTIONS` with strength 1…3, places in :data:`LANES`."""

    emotions: tuple[tuple[int, int], ...]
    lanes: tuple[int, ...]


_NO_CUE: Final = Cue((), ())


class Node:
    """A place in the trie: the cue that ends here, and what may follow."""

    __slots__ = ("cue", "next")

    def __init__(self) -> None:
        self.cue: Cue | None = None
        self.next: dict[str, Node] = {}


class Token(NamedTuple):
    """What the table knows of one word.

    ``live`` is whether it says anything where it stands: most words do not, and need no look. ``cue`` is what
    it shows alone, ``starts`` where longer cues start with it, ``keys`` the words of cues that it answers to.
    """

    live: bool
    cue: Cue
    starts: tuple[Node, ...]
    keys: tuple[str, ...]
    bits: int
    tongue: int  # 1 English, -1 another language, 0 no telling


class Table(dict[str, Token]):
    """Words in lower case → what the table knows of them; learns a word when it is first asked."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__()
        self.root = Node()
        counter = told["counter"]
        self.turned = [EMOTIONS.index(Emotion(counter.get(emotion, Emotion.PLEASED))) for emotion in EMOTIONS]
        self.bits: dict[str, int] = {}
        for name, bit in _BENDS.items():
            for word in told["bends"][name]:
                self.bits[word] = self.bits.get(word, 0) | bit
        self.english = frozenset(told["tongue"]["english"].split())
        self.foreign = frozenset(told["tongue"]["foreign"].split()) - self.english
        for words, place, strength in _emotional(told):
            self._add(words, Cue(((place, strength),), ()))
        for words, lane in _lanes(told):
            self._add(words, Cue((), (lane,)))
        self.exact: set[str] = set()
        self.prefixes: dict[str, list[str]] = {}  # first two characters → prefixes, longest first
        self._index(self.root)
        self.drawn = frozenset(word for word in self.exact if len(word) == 1 and not word.isascii())
        self._drawn = re.compile(f"[{''.join(sorted(self.drawn))}]" if self.drawn else "(?!)")

    def undrawn(self, text: str) -> str:
        """Answer ``text`` without the emoji that are cues; to VADER 💔 is glad and 😡 says nothing."""
        if text.isascii() or self.drawn.isdisjoint("".join(NOT_ASCII.findall(text))):
            return text
        return self._drawn.sub(" ", text)

    def _add(self, words: tuple[str, ...], cue: Cue) -> None:
        node = self.root
        for word in words:
            node = node.next.setdefault(word, Node())
        before = node.cue or _NO_CUE
        emotions = dict(before.emotions)
        for emotion, strength in cue.emotions:  # a phrase that stands twice counts once, as the stronger
            emotions[emotion] = max(strength, emotions.get(emotion, 0))
        node.cue = Cue(tuple(emotions.items()), tuple({*before.lanes, *cue.lanes}))

    def _index(self, node: Node) -> None:
        for word, following in node.next.items():
            if word.endswith("*"):
                known = self.prefixes.setdefault(word[:2], [])
                if word not in known:
                    known.append(word)
                    known.sort(key=len, reverse=True)
            else:
                self.exact.add(word)
            self._index(following)

    def __missing__(self, token: str) -> Token:
        """Learn ``token``."""
        word = token.strip("'")
        keys: tuple[str, ...] = (word,) if word in self.exact else ()
        keys += tuple(prefix for prefix in self.prefixes.get(word[:2], ()) if word.startswith(prefix[:-1]))
        starts = tuple(self.root.next[key] for key in keys if key in self.root.next)
        cues = [node.cue for node in reversed(starts) if node.cue is not None]  # the exact word comes last and counts
        cue = Cue(
            tuple({emotion: felt for cue in cues for emotion, felt in cue.emotions}.items()),
            tuple({lane for cue in cues for lane in cue.lanes}),
        )
        if not starts:
            cue = self._plain(lexicon().valences.get(word, 0.0))
        bits = self.bits.get(word, NEGATES if word.endswith("n't") else 0)
        if token[0] in ".!?;,\n":
            bits |= BREAKS
            bits |= ENDS if token.strip(",;") else 0
        else:
            keys += (ANY,)
        starts = tuple(node for node in starts if node.next)
        live = bool(cue.emotions or cue.lanes or starts or bits & (ENDS | TURNS))
        learnt = Token(live, cue, starts, keys, bits, self._tongue(word))
        if len(token) <= TOKEN_CHARS_MAX:
            if len(self) >= TOKENS_KEPT_MAX:
                self.clear()
            self[token] = learnt
        return learnt

    @staticmethod
    def _plain(valence: float) -> Cue:
        """Answer the mild cue that a word of VADER's lexicon is where the table has none for it."""
        if abs(valence) < PLAIN_VALENCE_MIN:
            return _NO_CUE
        emotion = Emotion.PLEASED if valence > 0 else Emotion.DISSATISFIED
        return Cue(((EMOTIONS.index(emotion), STRENGTHS["mild"]),), ())

    def _tongue(self, word: str) -> int:
        if word in self.english:
            return 1
        if word in self.foreign or (word.isalpha() and max(word) > "\u024f"):
            return -1
        return 0


def _phrases(told: list[str]) -> Iterator[tuple[str, ...]]:
    for phrase in told:
        yield from product(*(word.split("/") for word in phrase.split()))


def _emotional(told: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], int, int]]:
    for emotion, by_strength in told["emotions"].items():
        for name, phrases in by_strength.items():
            for words in _phrases(phrases):
                yield words, EMOTIONS.index(Emotion(emotion)), STRENGTHS[name]


def _lanes(told: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], int]]:
    for lane, name in enumerate(LANES):
        head, tail = name.split(".")
        for words in _phrases(told[head][tail]):
            yield words, lane


@cache
def table() -> Table:
    """Answer the table that lies beside this file, read once. Raises Misconfigured where it is wrong."""
    try:
        return Table(tomllib.loads((files(__package__) / "cues.toml").read_text("utf-8")))
    except (KeyError, ValueError) as error:
        raise Misconfigured(f"pipeline/readers/cues.toml cannot be read: {error}") from error
