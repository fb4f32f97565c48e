"""Unclaimed: what people speak about where no topic of the policy does, as candidates for its list.

Where a span is about no known topic, the nouns of its clause are guessed by where they stand, without a table of
parts of speech: what follows "the", "my" and the like up to a word that can be no noun, and what stands before "is",
"was" and the like. The last word of such a compound bears the meaning ("checkout basket"), and the words of a short
span are opinions; a long one is a whole clause, with its nouns. The guess is for people to look at, over many texts;
nothing is decided by it.
"""

import re
from bisect import bisect_left
from typing import Final

from pipeline.domain.aspects import Topics, around, pieces, turning
from pipeline.domain.limits import TEXT_CHARS_MAX
from pipeline.domain.lower import lowered
from pipeline.domain.reading import Reading

_WORDS: Final = re.compile(r"[^\W_]+")
LETTERS_MIN: Final = 3  # of a candidate's every word
COMPOUND_WORDS_MAX: Final = 2
OPINION_WORDS_MAX: Final = 3  # of a span that is no clause
# After these stands a noun, with or without adjectives before it; before those ends one.
_OWNING: Final = "the my your their our his her its this that these those a an no any every each"
_BEING: Final = "is was are were isn wasn aren weren has had hasn keeps kept does doesn did didn"
# Words that stand where a noun might and are none, or none that is a topic: small words, common verbs, adverbs and
# adjectives, time, persons.
_OTHERS: Final = """
    about above absolute actually after again ago all almost along already also always amount and another anyone
    anything are around arrived asked away back bad because been before being best better big bit both boy brother
    but called came can cannot child children come coming could couldn couple dad daughter day days did different
    does doing don done down during eight either else end enough even evening ever every everyone everything fact
    family father felt few finally find first five for found four friday friend from full gave get gets getting girl
    give given gives goes going gone good got great guy had half hand happened hard has have haven having hear help
    her here hers him his hour hours how however husband idea into its just keep kept kid kind know lad lady last
    late later least left less let life like little long look lot lots made make makes making man many matter may
    maybe me mean men might mine minute minutes mom moment monday month months more morning most mother much mum
    must near need needed needs never new next nice night nine nobody none nor not nothing now off often old once
    one ones only onto other others our ours out over own parent part past pay people per perhaps person place
    please point problem put quite rather real really reason right said same saturday saw say says second see seems
    seen sent seven several shall she should side since single sister six small some someone something sometimes son
    soon sort still stuff such sunday take taken takes tell ten than thank thanks that their them then there these
    they thing things think third this those though three through thursday time times today told tomorrow too took
    top towards tried try tuesday turn two type under until upon use used using very via waiting want wanted was
    wasn way wednesday week weekend weeks well went were what when where whether which while who whole whom whose
    why wife will with within without woman women word work worked working works worse worst would wouldn wrong year
    years yesterday yet you yours
"""
_OWNS: Final = frozenset(_OWNING.split())
_IS: Final = frozenset(_BEING.split())
_NO_NOUNS: Final = _OWNS | _IS | frozenset(_OTHERS.split())


def unclaimed(text: str, reading: Reading, topics: Topics) -> list[str]:
    """Answer the candidates that ``text`` holds, each once, in lower case and the singular, in its order.

    ``reading`` has been through ``topics.about``. Pure, linear in the text, never raises.
    """
    spans = [span for span in reading.spans if span.topic is None]
    if not spans:
        return []
    lower = lowered(text[:TEXT_CHARS_MAX])
    places = [match.span() for match in _WORDS.finditer(lower)]
    words = [lower[start:end] for start, end in places]
    turns = [places[at][0] for at in range(len(words)) if turning(words, at)]
    clauses, _ = pieces(lower, turns)
    starts = [start for start, _ in places]

    def within(low: int, high: int) -> range:
        return range(bisect_left(starts, low), bisect_left(starts, high))

    shown = (within(span.start, span.end) for span in spans)
    opinions = {at for words_shown in shown if len(words_shown) <= OPINION_WORDS_MAX for at in words_shown}
    found: dict[str, None] = {}
    for low, high in sorted({around(clauses, span.start, span.end) for span in spans}):
        for compound in _compounds(["" if at in opinions else words[at] for at in within(low, high)]):
            head = singular(compound[-1])
            if head not in _NO_NOUNS and not any(topics.knows(word) for word in compound):
                found[" ".join((*compound[:-1], head))] = None
    return list(found)


def singular(word: str) -> str:
    """Answer the regular singular of an English noun."""
    if word.endswith("ies") and len(word) > LETTERS_MIN + 1:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and word[-2:-1] not in {"s", "u", "i"} else word


def _compounds(tokens: list[str]) -> list[tuple[str, ...]]:
    """Answer the words that seem to be nouns, by where they stand among the tokens of a clause."""
    found: list[tuple[str, ...]] = []
    run: list[str] = []
    owned = False
    for token in (*tokens, "."):
        if len(token) >= LETTERS_MIN and token.isalpha() and token not in _NO_NOUNS:
            run.append(token)
            continue
        if run and token in _IS:
            found.append(tuple(run[-COMPOUND_WORDS_MAX:]))
        elif run and owned:
            found.append(tuple(run[:1] if len(run) > COMPOUND_WORDS_MAX else run))
        # An adjective between "the" and its noun leaves it owned.
        owned = token in _OWNS or (owned and not run and token not in _IS)
        run = []
    return found
