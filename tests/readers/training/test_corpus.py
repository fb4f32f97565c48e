"""Texts without labels, from folders and in passages."""

from pathlib import Path

import pytest

from pipeline.domain.errors import Misconfigured
from pipeline.domain.lower import lowered
from pipeline.readers.passages import PIECES_MAX
from pipeline.readers.training import corpus
from pipeline.readers.training.ground import ground
from pipeline.readers.words import WORDS, pieces


def test_a_folder_of_data_is_read(data: Path) -> None:
    """Texts come by id from NDJSON and from GoEmotions, whose comments are named by their ids."""
    found = corpus.texts(data)
    assert len(found) == 83
    assert found["goemotions:abc"] == "so kind of you"
    assert [path.name for path in corpus.labelled(data)] == ["real.jsonl"]


def test_long_texts_come_in_passages(data: Path) -> None:
    """Of a long text a few passages are taken, each short enough and a piece of it; what is not English is left out."""
    known = corpus.texts(data)
    parts = corpus.cut(known, pieces())
    cut = {name: text for name, text in parts.items() if name.startswith("shop:long#")}
    assert 1 < len(cut) <= corpus.PASSAGES_MAX
    assert all(text in known["shop:long"] for text in cut.values())
    assert all(len(ids) < PIECES_MAX for ids in corpus.encoded(list(cut.values()), pieces(), PIECES_MAX))
    assert "goemotions:def" not in parts
    assert parts == corpus.cut(dict(reversed(known.items())), pieces())


def test_a_few_sentences_are_taken_alone() -> None:
    """Whole sentences of a text, long enough to say something, stand beside it; of one sentence there is none."""
    several = "Thanks. The room was lovely! But the invoice is wrong again. Nobody ever called me back… Sad."
    many = " ".join(f"The invoice was wrong {times} times." for times in ("two", "three", "four", "five") * 2)
    parts = corpus.cut({"a": several, "b": "The invoice is wrong again.", "c": many}, pieces())
    alone = {name: text for name, text in parts.items() if "/" in name}
    assert {"a", "b", "c"} == parts.keys() - alone.keys()
    assert {text for name, text in alone.items() if name.startswith("a")} == {
        "The room was lovely!", "But the invoice is wrong again.", "Nobody ever called me back…",
    }  # fmt: skip
    assert sum(name.startswith("c/") for name in alone) == corpus.SENTENCES_MAX


def test_mixed_texts_are_made_of_texts() -> None:
    """Two short texts joined in a known way, or a few words of any text in a row; the same each time."""
    long = " ".join(f"word{place}" for place in range(40))
    known = ["The room was lovely!", "I waited for two hours at the desk.", "NHS staff are great", "Fine.", long]
    found = corpus.mixed(known, 300)
    assert len(found) == 300
    assert found == corpus.mixed(known, 300)
    cut = [text for text in found if any(text in one for one in known)]
    assert all(len(text.split()) <= corpus.CUT_WORDS[1] for text in cut)
    assert max(len(text.split()) for text in cut) == corpus.CUT_WORDS[1]
    joined = set(found) - set(cut)
    assert 0.5 < 1 - len(cut) / len(found) < 0.7
    assert not any("Fine" in text or "word" in text for text in joined)
    assert {joint for joint in corpus.JOINTS for text in joined if joint.strip() and joint in text} == {
        joint for joint in corpus.JOINTS if joint.strip()
    }
    for turned in (", but the room was lovely!", ", but I waited for two hours", ", but NHS staff"):
        assert any(turned in text for text in joined)


def test_pieces_are_those_of_the_reader() -> None:
    """A text has the pieces of its words, as many as are asked for, and one at least."""
    text = "Nobody called back 😡"
    known = pieces()
    whole = [one for word in WORDS.findall(lowered(text)) for one in known[word]]
    assert corpus.encoded([text, "", text], known, 3) == [whole[:3], [*known["?"]], whole[:3]]
    ids, counts = corpus.parted([text, "", "good bank. " * 100], known)
    assert ids[:2] == [whole, [*known["?"]]]
    assert counts[:2] == [1, 1]
    assert sum(counts) == len(ids) > 4
    assert list(corpus.met([text, "great"], known, 9).tones) == pytest.approx([-0.5, 0.6], abs=0.6)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("real/bad.jsonl", '{"id": "a", "text": "b"}\n{"id": 1}\n', r"bad\.jsonl:2: .*text"),
        ("real/bad.jsonl", "no\n", r"bad\.jsonl:1"),
        ("goemotions/bad.tsv", "only a text\n", r"bad\.tsv:1: .*tabs"),
    ],
)
def test_a_broken_line_is_named(data: Path, file: str, content: str, said: str) -> None:
    """What is wrong is told with file and line."""
    (data / file).write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=said):
        corpus.texts(data)


def test_data_without_labels_is_refused(tmp_path: Path) -> None:
    """A folder without labels is told by its name."""
    with pytest.raises(Misconfigured, match=r"holds no \.jsonl"):
        corpus.labelled(tmp_path)


def test_nothing_that_is_judged_by_is_met(data: Path) -> None:
    """No text of the split dev, nor of a source that is held out, is among those that the teacher reads."""
    stands = ground(data, frozenset({"bank"}), quick=False)
    met = {name.partition("#")[0].partition("/")[0] for name in stands.texts}
    assert {row.source for row in stands.held} == {"bank"}
    assert {row.source for row in (*stands.train, *stands.dev)} == {"shop", "written"}  # the lessons
    assert not met & {row.id for row in (*stands.dev, *stands.held)}
    assert met >= {row.id for row in stands.train}
    assert stands.mark == ground(data, frozenset({"bank"}), quick=False).mark != ground(data, frozenset(), False).mark


def test_a_source_that_is_not_there_is_refused(data: Path) -> None:
    """A misspelt source to hold out is told, with those that there are."""
    with pytest.raises(Misconfigured, match=r"bankk; sources: bank, shop"):
        ground(data, frozenset({"bankk"}), quick=False)


def test_a_second_reading_replaces_the_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label that ships here counts instead of that of the folder, unless its row is to judge by."""
    before = ground(data, frozenset(), quick=False)
    again = [row._replace(strengths={}) for row in (before.train[0], before.dev[0])]
    monkeypatch.setattr("pipeline.readers.training.ground.joined", lambda _texts: again)
    after = ground(data, frozenset(), quick=False)
    assert [row.id for row in after.train] == [row.id for row in before.train]
    assert after.train[0] == again[0] != before.train[0]
    assert after.dev == before.dev
