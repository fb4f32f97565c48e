"""Words and their pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.lower import lowered
from pipeline.readers.words import UNKNOWN, WORD_CHARS_MAX, WORD_PIECES_MAX, WORDS, pieces, words_of

PIECES = pieces()
NAMES = {place: piece for piece, place in PIECES.vocabulary.items()}


def cut(text: str) -> list[str]:
    """Answer the pieces of ``text``, by name."""
    return [NAMES[piece] for word in WORDS.findall(lowered(text)) for piece in PIECES[word]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Great, another delay!", ["great", ",", "another", "delay", "!"]),
        ("I don’t like it", ["i", "don", "'", "t", "like", "it"]),
        ("reassuringly", ["reassuring", "##ly"]),
        ("Café", ["cafe"]),
        ("𝔱𝔢𝔯𝔯𝔦𝔟𝔩𝔢", ["terrible"]),
        ("no!!!!!!!!", ["no", "!", "!", "!"]),
        ("😡", ["angry"]),
        ("so :(", ["so", "sad"]),
        ("💔", ["heart", "##broken"]),
        ("这", ["[UNK]"]),
        ("@acme_help see https://acme.example/x?y=1 now", ["see", "now"]),
        ("", []),
    ],
)
def test_words_are_cut_into_known_pieces(text: str, expected: list[str]) -> None:
    """Words are cut into the longest known pieces; emoji say words, accents and fancy letters are plain."""
    assert cut(text) == expected


@given(st.text(max_size=200))
def test_any_word_has_pieces(text: str) -> None:
    """Every word of any text has between one and the most pieces, all of them in the vocabulary; addresses none."""
    for word in WORDS.findall(lowered(text)):
        known = PIECES[word]
        points = len(word) > 1 and word.startswith(("@", "http", "www."))
        assert len(known) <= WORD_PIECES_MAX
        assert known or points
        assert all(piece in NAMES for piece in known)


def test_long_words_are_not_remembered() -> None:
    """A word over the limit is read by its head and not kept, so hostile text cannot fill the memory."""
    word = "x" * 10_000
    assert PIECES[word]
    assert word not in PIECES
    assert PIECES["a" * WORD_CHARS_MAX]
    assert "a" * WORD_CHARS_MAX in PIECES


def test_signs_without_a_meaning_are_unknown() -> None:
    """A sign that the vocabulary does not have is the unknown piece, not nothing."""
    assert PIECES["⛄"] == (UNKNOWN,)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("El servicio es muy malo y no funciona", False),
        ("Je suis très déçu, le service est nul et personne ne répond", False),
        ("Der Service ist sehr schlecht und ich warte auf das Geld", False),
        ("Это ужасно, никто не отвечает", False),
        ("サービスが悪い", False),
        ("The crème brûlée was très bon", True),
        ("Excellent service", True),
        ("12345", True),
        ("!!!", True),
        ("", True),
    ],
)
def test_other_languages_are_told(text: str, english: bool) -> None:
    """Text that is clearly not English is told by its little words or its letters; what says nothing is not."""
    assert PIECES.is_english(WORDS.findall(lowered(text))) is english


def test_mailboxes_and_pages_are_single_words_without_pieces() -> None:
    """An address says nothing of what is felt, whatever words stand in it; a sign alone is no address."""
    words = words_of("Write to Angry.Bad@terrible-mail.example.com, or see https://awful.example/x, me@home @ 5@, a@b")
    assert words[:4] == ["write", "to", "angry.bad@terrible-mail.example.com", ","]
    assert pieces()["angry.bad@terrible-mail.example.com"] == ()
    assert words[6] == "https://awful.example/x,"
    assert words[7:9] == ["me", "@home"]
    long = "a." * 100_000 + "@"
    assert sum(map(len, words_of(long))) == len(long)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("10/10", True),
        ("ok", True),
        ("😡", True),
        ("asdfghjkl", False),
        ("a" * 34, False),
        ("!!!!!!", False),
        ("", False),
    ],
)
def test_familiar(text: str, known: bool) -> None:
    """A text is familiar by one word that is known whole, or one emoji."""
    assert pieces().familiar(words_of(text)) is known
