"""Where an emotion shows."""

import numpy as np

from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.lower import lowered
from pipeline.readers.evidence import (
    CLAUSE_WORDS_MAX,
    CLEAR,
    FAINT,
    NEAR,
    NEIGHBOURS_MAX,
    RUN_WORDS_MAX,
    SPANS_MAX,
    spans,
)
from pipeline.readers.words import WORDS

TEXT = "The Room was lovely, but the invoice is WRONG again and again!"


def shown(strong: dict[int, float], text: str = TEXT, emotion: int = 3) -> list[str]:
    """Answer the words that show ``emotion`` where the words of ``strong`` speak for it."""
    words = WORDS.findall(lowered(text))
    places = np.full((len(words), len(EMOTIONS)), -6, np.float32)
    for word, value in strong.items():
        places[word, emotion] = value
    found = spans(text, words, [(1,)] * len(words), places, [emotion])
    assert all(span.emotion == EMOTIONS[emotion] for span in found)
    return [text[span.start : span.end] for span in found]


def test_words_near_the_strongest_are_shown_together() -> None:
    """Neighbours that speak nearly as much as the strongest one are one span, without little words."""
    assert shown({7: 0.0, 8: 0.5, 9: 2.0, 10: 1.0}) == ["WRONG again"]
    assert shown({6: 1.0, 7: 1.0, 8: 1.0}) == ["invoice"]


def test_far_words_are_spans_of_their_own() -> None:
    """Two places far apart are two spans, in the order of the text; what speaks much less is not shown."""
    assert shown({3: 1.0, 9: 1.2, 12: 1.2 - NEAR - 0.1}) == ["lovely", "WRONG again"]


def test_only_the_best_places_are_shown() -> None:
    """Of many places those are shown that speak most."""
    text = ", of the, ".join(["bad"] * 5)
    found = shown({place * 5: 1.0 + place / 10 for place in range(5)}, text)
    assert found == ["bad"] * SPANS_MAX


def test_a_little_word_says_nothing_alone() -> None:
    """What speaks most among the other words is shown, unless there are none."""
    assert shown({5: 3.0, 3: CLEAR}) == ["lovely"]
    assert shown({1: 3.0}, "we were there") == ["we were there"]


def test_what_turns_a_word_is_shown_with_it() -> None:
    """Words that negate or stress stand in the span of what follows; what a word is said of is shown with it."""
    text = "They were not very good at it. I didn't like the cold dirty room."
    assert shown({4: 2.0}, text) == ["not very good"]
    assert shown({9: 2.0}, text) == ["didn't like"]
    assert shown({12: 2.0}, text) == ["cold dirty room"]


def test_pieces_of_a_word_show_the_whole_word() -> None:
    """Evidence stands at pieces; the span is of whole words."""
    places = np.full((3, len(EMOTIONS)), -6, np.float32)
    places[1, 0] = 2
    (span,) = spans("unfriendly, staff", ["unfriendly", ",", "staff"], [(1, 2), (), (3,)], places, [0])
    assert (span.start, span.end) == (0, 10)


def test_where_no_word_speaks_clearly_the_clause_is_shown() -> None:
    """Weak evidence shows its whole clause, clear evidence its words; a point in a number parts no clauses."""
    text = "I paid $7.50 at once, and it opens by its own-built timer, but the screen is fine."
    opens, paid, screen = (WORDS.findall(lowered(text)).index(word) for word in ("opens", "paid", "screen"))
    assert shown({opens: CLEAR - 0.1}, text) == ["it opens by its own-built timer"]
    assert shown({opens: CLEAR}, text) == ["opens"]
    assert shown({paid: CLEAR - 0.1}, text) == ["I paid $7.50 at once"]
    assert shown({screen: CLEAR - 0.1}, text) == ["the screen is fine"]


def test_a_clause_of_one_word_is_shown_with_the_next() -> None:
    """A number alone says little; what follows it in the sentence is shown, too. Two words may say it all."""
    assert shown({0: FAINT}, "third: the van never came, sadly") == ["third: the van never came"]
    assert shown({0: FAINT}, "Late. The van never came") == ["Late"]
    assert shown({0: FAINT}, "Late,") == ["Late"]
    assert shown({1: FAINT}, "staff lovely, invoice wrong again") == ["staff lovely"]


def test_of_weak_places_the_strongest_is_shown() -> None:
    """Where none speaks clearly one clause is shown; of a long one the words around what speaks most."""
    text = "nobody came to the door, the van was there"
    assert shown({1: CLEAR - 0.2, 7: CLEAR - 0.1}, text) == ["the van was there"]
    long = " ".join(["word"] * (4 * CLAUSE_WORDS_MAX))
    (found,) = shown({2 * CLAUSE_WORDS_MAX: CLEAR - 0.1}, long)
    assert found.split() == ["word"] * (2 * CLAUSE_WORDS_MAX + 1)


def test_beside_clear_places_weak_ones_are_not_shown() -> None:
    """A guess is only worth something where nothing is clear."""
    assert shown({1: CLEAR + 0.5, 7: CLEAR - 0.1}, "the awful van never came on that day at all") == ["awful van"]


def test_no_run_goes_over_the_end_of_a_clause() -> None:
    """Neighbours in two sentences are two spans, whatever else stands at the mark."""
    assert shown({2: 2.0, 4: 2.0}, "it was lovely. Awful in the end") == ["lovely", "Awful"]
    assert shown({4: CLEAR - 0.1}, 'I said "it opens". The screen is fine.') == ['I said "it opens']
    assert shown({1: CLEAR - 0.1}, "We waited! 2 of them left") == ["We waited"]


def test_a_word_that_joins_clauses_stays_where_it_is_the_evidence() -> None:
    """Only a word before the evidence is left out."""
    assert shown({2: CLEAR - 0.1}, "Good, however late it was") == ["however late it was"]


def test_an_address_shows_nothing_and_is_no_neighbour() -> None:
    """Words without pieces are never shown, and do not keep little words from being shown."""
    words = ["why", "why", "http://x.y"]
    places = np.full((2, len(EMOTIONS)), -6, np.float32)
    places[0, 0] = 2
    (span,) = spans("why why http://x.y", words, [(1,), (1,), ()], places, [0])
    assert span.end <= len("why why")


def test_a_word_that_only_turns_others_shows_its_clause() -> None:
    """ "Doesn't" alone says nothing, however strongly; "spot" goes with its "on"."""
    assert shown({1: 2.0}, "Phone doesn't have much storage, sadly") == ["Phone doesn't have much storage"]
    assert shown({3: 2.0}, "Nothing, everything spot on") == ["everything spot on"]
    assert shown({3: 2.0}, "The light really isn't on, sadly") == ["The light really isn't on"]
    assert shown({0: 2.0}, "Broken on Monday") == ["Broken"]


def test_other_emotions_are_shown_where_they_are_clear() -> None:
    """A guess is shown for the primary emotion, and for one that hurts where nothing that hurts is shown."""
    words = WORDS.findall(lowered(TEXT))
    glad = next(place for place, emotion in enumerate(EMOTIONS) if not emotion.hurts)
    hurting = [place for place, emotion in enumerate(EMOTIONS) if emotion.hurts][:2]
    places = np.full((len(words), len(EMOTIONS)), -6, np.float32)

    def told(emotions: list[int]) -> list[int]:
        found = spans(TEXT, words, [(1,)] * len(words), places, emotions)
        return [EMOTIONS.index(span.emotion) for span in found]

    assert told([hurting[0], hurting[1], glad]) == [hurting[0]]
    assert told([glad, hurting[0], hurting[1]]) == [glad, hurting[0]]
    places[3] = 1
    assert told([glad, *hurting]) == [glad, *hurting]


def test_faint_evidence_of_any_emotion_shows_its_clause() -> None:
    """Less than clear, but some: the clause is shown for emotions beside the primary one, too."""
    text = "it was late, the van never came"
    words = WORDS.findall(lowered(text))
    first, second = [place for place, emotion in enumerate(EMOTIONS) if emotion.hurts][:2]
    places = np.full((len(words), len(EMOTIONS)), -6, np.float32)
    places[2, first] = CLEAR
    places[5, second] = FAINT

    def told() -> list[tuple[int, str]]:
        found = spans(text, words, [(1,)] * len(words), places, [first, second])
        return [(EMOTIONS.index(span.emotion), text[span.start : span.end]) for span in found]

    assert told() == [(first, "late"), (second, "the van never came")]
    places[5, second] = FAINT - 0.1
    assert told() == [(first, "late")]


def test_without_evidence_what_is_felt_alike_finds_the_clause() -> None:
    """Where nothing speaks for the emotion, what speaks for another that hurts as well is shown; not what pleases."""
    text = "the staff were kind, the invoice was wrong, we left"
    words = WORDS.findall(lowered(text))
    hurts, other = [place for place, emotion in enumerate(EMOTIONS) if emotion.hurts][:2]
    glad = next(place for place, emotion in enumerate(EMOTIONS) if not emotion.hurts)
    places = np.full((len(words), len(EMOTIONS)), -6, np.float32)
    places[words.index("kind"), glad] = 5.0
    places[words.index("wrong"), other] = 3.0
    places[words.index("left"), hurts] = -5.5
    (span,) = spans(text, words, [(1,)] * len(words), places, [hurts])
    assert (span.emotion, text[span.start : span.end]) == (EMOTIONS[hurts], "the invoice was wrong")
    places[words.index("left"), hurts] = -4.0  # what speaks for the emotion itself counts as much
    places[words.index("wrong"), other] = -3.0
    (span,) = spans(text, words, [(1,)] * len(words), places, [hurts])
    assert text[span.start : span.end] == "we left"
    other_glad = max(place for place, emotion in enumerate(EMOTIONS) if not emotion.hurts)
    (span,) = spans(text, words, [(1,)] * len(words), places, [other_glad])
    assert text[span.start : span.end] == "the staff were kind"


def test_what_is_shown_ends_where_a_text_turns() -> None:
    """Neither a run nor its neighbours go over "however", "didn't", or the end of a line; equals show the first."""
    assert shown({0: 2.0}, "Excellent room however staff rude") == ["Excellent room"]
    assert shown({0: 2.0, 2: 2.0}, "Horrible except breakfast") == ["Horrible", "breakfast"]
    assert shown({1: 2.0}, "however dirty sheets") == ["dirty sheets"]
    assert shown({0: 2.0}, "Great product didn't work") == ["Great product"]
    assert shown({0: 2.0}, "rude staff\nLovely garden") == ["rude staff"]
    assert shown({0: 2.0}, "rude staff – lovely garden") == ["rude staff"]
    assert shown({1: FAINT}, "Nobody called\n\nThe room is fine\n") == ["Nobody called"]
    assert shown({3: FAINT, 8: FAINT}, "It was all closed, it was so closed") == ["It was all closed"]


def test_a_mark_at_an_emoji_ends_the_clause() -> None:
    """ "😡!" is one word: what stands behind it is another clause."""
    assert shown({1: 2.0, 2: 2.0}, "Terrible service 😡! Nice big room") == ["Terrible service 😡!"]
    assert shown({2: 2.0, 3: 2.0}, "Terrible service 😡! Nice big room") == ["service 😡!", "Nice big room"]
    assert shown({1: FAINT}, "Nobody called 😡! The room is fine") == ["Nobody called"]
    assert shown({2: 3.0, 1: CLEAR - 0.1}, "Nobody called 😡") == ["Nobody called 😡"]
    assert shown({1: 2.0}, "Everything spot on 😊") == ["Everything spot on"]


def test_little_words_are_little_with_any_apostrophe() -> None:
    """It's and it’s say nothing."""
    assert shown({0: 2.0}, "Broken it's useless") == shown({0: 2.0}, "Broken it’s useless") == ["Broken"]


def test_a_span_is_never_endless() -> None:
    """Neighbours, stress and repetition are shown as far as helps."""
    (found,) = shown({0: 2.0}, " ".join(["bad"] * 50))
    assert len(found.split()) == 1 + NEIGHBOURS_MAX
    assert len(shown({500: 2.0}, "very " * 500 + "bad")[0].split()) == RUN_WORDS_MAX + 1
    for found in shown(dict.fromkeys(range(500), 2.0), " ".join(["bad"] * 500)):
        assert len(found.split()) <= SPANS_MAX * (RUN_WORDS_MAX + NEIGHBOURS_MAX)
