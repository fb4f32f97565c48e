"""The valence lane against the library that it stands for."""

import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SPECIAL_CASES, SentimentIntensityAnalyzer

from pipeline.readers import valence
from pipeline.readers.valence import compound, lexicon, polarity_scores

LIBRARY = SentimentIntensityAnalyzer()
OWN = (
    "VADER is smart, handsome, and funny!",
    "The room was GREAT but the breakfast was great too and the staff great",
    "Not bad at all, not really good either.",
    "I have never been so happy, never this sad; without a doubt excellent",
    "At least it works. Least helpful staff ever. The very least good.",
    "It was kind of good, sort of bad, just enough fun to be nice",
    "no good, no really bad or good, nor no bad or awful",
    "this is the shit, the bomb, bad ass, a bus stop, yeah right, a kiss of death, food to die for, beating heart",
    "😡 👎 🤬 💔 ok 🙄 😭 ❤️ 😡great 🔛 🆙",
    "LOVE this BUT hate that but love this",
    "I DON'T like it?? Really??? WHY????",
    ":) :( ;-) :D xD <3 :'( o.O",
    "wasn't isn't couldn't shouldn't nice",
    "",
    "   \n\t ",
    "!!!! ????",
    "no",
    "but",
    "\0 \ud800 bad\x1cgood\u2003fine\u3000nice",
    "İstanbul ẞ ﬁne ﬁne ΣΑΣ bad",
)
SAID = """good GOOD Good bad BAD great awful fine nice love LOVE hate fun lost doubt least at very VERY but BUT But no
No NO or nor never so SO this without the a I it was kind of sort to just enough :) :( :D 😡 😍great 💔 ❤️ 🔛 🙄 ok!!
what?? hmm??? wow!!!! (nice) 'bad' don't can't isn't"""
WORDS = st.sampled_from([*SAID.split(), *" ".join(SPECIAL_CASES).split(), *" ".join(BOOSTER_DICT).split(), *NEGATE])
LISTED = st.sampled_from(sorted(LIBRARY.lexicon))
EMOJI = st.sampled_from(sorted(LIBRARY.emojis))
PIECES = st.one_of(WORDS, WORDS, WORDS, LISTED, EMOJI, st.text(max_size=4))
SPACES = st.sampled_from([" ", " ", " ", "  ", "\n", "", ", "])


@st.composite
def feedback(draw: st.DrawFn) -> str:
    """A text of words that the rules of VADER name, and of others, joined as people join them."""
    pieces = draw(st.lists(st.tuples(PIECES, SPACES), max_size=24))
    return "".join(piece + space for piece, space in pieces)


@pytest.mark.parametrize("text", OWN)
def test_own_texts_score_as_in_the_library(text: str) -> None:
    """Each rule of the library, met by a text written for it, gives the same four figures."""
    assert polarity_scores(text) == LIBRARY.polarity_scores(text)


@settings(max_examples=400)
@given(text=feedback())
@example(text="good good but good good bad")
def test_any_feedback_scores_as_in_the_library(text: str) -> None:
    """Whatever stands beside whatever, the four figures are those of the library to the last digit."""
    scores = polarity_scores(text)
    assert scores == LIBRARY.polarity_scores(text)
    assert round(compound(text), 4) == scores["compound"]


@settings(max_examples=150)
@given(words=st.lists(st.sampled_from(["good", "GOOD", "bad", "but", "fine", "x", "not"]), max_size=60))
def test_equal_scores_around_but_change_in_the_order_of_the_library(words: list[str]) -> None:
    """Where scores are equal, or become equal, "but" changes the same ones as the library does."""
    text = " ".join(words)
    assert polarity_scores(text) == LIBRARY.polarity_scores(text)


@settings(max_examples=150)
@given(text=st.text())
def test_any_characters_score_as_in_the_library(text: str) -> None:
    """Any characters at all give the figures of the library."""
    assert polarity_scores(text) == LIBRARY.polarity_scores(text)


def test_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for only two words and contexts, scores stay those of the library: nothing kept is needed."""
    monkeypatch.setattr(valence, "WORDS_KEPT_MAX", 2)
    monkeypatch.setattr(valence, "CONTEXTS_KEPT_MAX", 2)
    monkeypatch.setattr(valence, "WORD_CHARS_MAX", 4)
    lexicon().clear()
    lexicon().scores.clear()
    for text in OWN:
        assert polarity_scores(text) == LIBRARY.polarity_scores(text)
    assert len(lexicon()) <= 2
    assert len(lexicon().scores) <= 2


def test_nothing_is_loaded_at_import() -> None:
    """Importing the readers loads neither the library nor the lexicon."""
    asked = "import sys, pipeline.readers, pipeline.readers.valence; print('vaderSentiment' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
