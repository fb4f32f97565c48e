"""The table of cues and the heads over it, as data."""

import tomllib
from importlib.resources import files

import pytest

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.errors import Misconfigured
from pipeline.readers import heads
from pipeline.readers.features import FEATURES
from pipeline.readers.hits import WORDS, look
from pipeline.readers.table import STRENGTHS, Table, table

TOLD = tomllib.loads((files("pipeline.readers") / "cues.toml").read_text("utf-8"))


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_cue_is_found(emotion: Emotion) -> None:
    """Every phrase of an emotion, alone in a text, is found from its first word to its last."""
    known = table()
    for name, phrases in TOLD["emotions"][emotion].items():
        for phrase in phrases:
            text = " ".join(word.split("/")[0].removesuffix("*") for word in phrase.replace("_", "some").split())
            entries = [known[word] for word in WORDS.findall(text)]
            hits = look(entries, known.turned).hits
            assert any(hit.start == 0 and hit.end == len(entries) for hit in hits), (emotion, name, phrase)


def test_every_emotion_has_cues_of_every_strength() -> None:
    """No emotion of the twenty is without mild, clear and strong cues."""
    assert TOLD["emotions"].keys() == set(EMOTIONS)
    assert all(by_strength.keys() == STRENGTHS.keys() for by_strength in TOLD["emotions"].values())


def test_negated_emotions_change_sides() -> None:
    """A negated glad cue hurts, a negated sad one pleases."""
    for emotion, place in zip(EMOTIONS, table().turned, strict=True):
        assert EMOTIONS[place].hurts != emotion.hurts


def test_longest_cue_wins() -> None:
    """ "Not good enough for me, not bad" is two cues, not five."""
    known = table()
    hits = look([known[word] for word in WORDS.findall("not bad , couldn't be happier")], known.turned).hits
    assert [(hit.start, hit.end) for hit in hits] == [(0, 2), (3, 6)]


def test_phrase_listed_twice_counts_once() -> None:
    """A phrase that stands under two strengths of an emotion, or as a word and as its beginning, is one hit."""
    emotions = {"irritated": {"strong": ["vexing"], "mild": ["vexing", "vex*"]}}
    known = Table({**TOLD, "emotions": emotions})
    hits = look([known["vexing"], known["vexed"]], known.turned).hits
    assert [hit.strength for hit in hits] == [3, 1]


def test_wrong_table_is_refused() -> None:
    """A cue of an emotion that does not exist is refused, not ignored."""
    with pytest.raises(ValueError, match="furious"):
        Table({**TOLD, "emotions": {"furious": {"strong": ["livid"]}}})


def test_heads_fit_the_features() -> None:
    """The fitted heads have a row for each feature and a weight for each output."""
    fitted = heads.heads()
    assert len(fitted.start) == heads.OUTPUTS
    assert len(fitted.rows) == FEATURES
    assert {len(row) for row in fitted.rows} == {heads.OUTPUTS}
    assert 0 < fitted.hurt_from < 1


def test_missing_heads_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that cannot be read are a misconfiguration that names the file."""
    monkeypatch.setattr(heads, "files", lambda _: files("pipeline.domain"))
    heads.heads.cache_clear()
    with pytest.raises(Misconfigured, match=r"heads\.json"):
        heads.heads()
    heads.heads.cache_clear()
