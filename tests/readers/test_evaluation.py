"""Readings held against labels, by a handful of rows that can be counted by hand."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from pipeline.domain.emotions import EMOTIONS, Emotion
from pipeline.domain.reading import Felt, Reading
from pipeline.readers.evaluation import AT_MOST, FIGURES, Evaluation
from pipeline.readers.labels import ASIDE, Label, parse_label


def label(primary: Any, valence: int, emotions: tuple[str, ...] = (), **given: Any) -> Label:
    """Answer a label of these emotions, the primary's own if none are named."""
    names = emotions or tuple(name for name in (primary if isinstance(primary, list) else [primary]) if name != "none")
    row = {"text": "x", "emotions": dict.fromkeys(names, 2), "primary": primary, "valence": valence, **given}
    return parse_label(json.dumps(row).encode())


def reading(*emotions: Emotion, negative: float = 0.0, valence: float = 0.0, **given: Any) -> Reading:
    """Answer a reading of these emotions with confidence 0.8, the first one primary."""
    felt = {emotion: Felt(confidence=0.8, intensity=2) for emotion in emotions}
    primary = emotions[0] if emotions else None
    return Reading(emotions=felt, primary=primary, negative=negative, valence=valence, **given)


IRRITATED, NEGLECTED, HAPPY, PLEASED = Emotion.IRRITATED, Emotion.NEGLECTED, Emotion.HAPPY, Emotion.PLEASED
ROWS = [
    (label("irritated", -2), reading(IRRITATED, negative=0.9, valence=-1)),
    (label(["neglected", "irritated"], -1), reading(IRRITATED, negative=0.5, valence=-0.5)),
    (label("neglected", -1), reading(IRRITATED, negative=0.4, valence=0)),
    (label("happy", 2), reading(PLEASED, negative=0.6, valence=1, review=True)),
    (label("none", 0), reading()),
    (label("pleased", 1), reading(understood=False, review=True)),
    (label(["happy", "irritated"], 0), reading(HAPPY)),
    (label("none", 0, understood=False), reading(understood=False)),
]


def evaluated(rows: list[tuple[Label, Reading]]) -> Evaluation:
    """Answer the evaluation of these rows."""
    score = Evaluation()
    for wanted, read in rows:
        score.add(wanted, read)
    return score


def test_negative() -> None:
    """Of the six clear rows three are negative and two of them found, beside one that is not: F1 2/3."""
    score = evaluated(ROWS)
    figures = score.figures()
    assert (score.negative.meant, score.unclear) == (3, 1)
    assert [figures[f"negative_{name}"] for name in ("precision", "recall", "f1")] == [0.6667] * 3
    # Positives 0.9, 0.5, 0.4 over negatives 0.6, 0, 0: of nine pairs two are lost.
    assert figures["negative_auc"] == pytest.approx(7 / 9, abs=1e-4)
    # Each alone in its bin but for the two zeros: (0.1 + 0.5 + 0.6 + 0.6) / 6.
    assert figures["negative_ece"] == pytest.approx(0.3)


def test_primary() -> None:
    """Any acceptable primary is right, the cluster may be right where it is not, and no reading is a wrong one."""
    score = evaluated(ROWS)
    figures = score.figures()
    assert figures["primary_accuracy"] == pytest.approx(4 / 7, abs=1e-4)
    assert figures["cluster_accuracy"] == pytest.approx(6 / 7, abs=1e-4)
    # Five emotions are named at 0.8, three of them rightly.
    assert figures["primary_ece"] == pytest.approx(0.2)
    assert score.told()["confusion"] == {
        "happy": {"happy": 1, "pleased": 1},
        "irritated": {"irritated": 2},
        "neglected": {"irritated": 1},
        "none": {"none": 1},
        "pleased": {"not read": 1},
    }


def test_not_read_is_not_none() -> None:
    """Nothing was claimed of a text that was not read, so "no emotion" is not a right answer to it by chance."""
    figures = evaluated([(label("none", 0), reading(understood=False))]).figures()
    assert (figures["primary_accuracy"], figures["cluster_accuracy"]) == (0, 0)


def test_review() -> None:
    """The accuracy is told of what is kept and of what is sent to review, and the share of that."""
    figures = evaluated(ROWS).figures()
    assert figures["review_share"] == pytest.approx(2 / 7, abs=1e-4)
    assert (figures["primary_accuracy_kept"], figures["primary_accuracy_reviewed"]) == (0.8, 0.0)
    assert figures["negative_f1_kept"] == 0.8


def test_what_cannot_be_understood() -> None:
    """English that was not read and other languages that were left alone are two figures, of their own rows."""
    figures = evaluated(ROWS).figures()
    assert figures["not_understood"] == pytest.approx(1 / 7, abs=1e-4)
    assert figures["foreign_left_alone"] == 1


def test_success_effort_action() -> None:
    """What a row does not label is not judged, and null is a label."""
    figures = evaluated(
        [
            (label("none", 0, effort=None, action="respond"), reading(action="respond")),
            (label("none", 0, effort="high"), reading(effort="low")),
        ]
    ).figures()
    assert (figures["effort_accuracy"], figures["action_accuracy"], figures["success_accuracy"]) == (0.5, 1, None)


def test_valence() -> None:
    """The correlation does not ask for the scale: a valence of -1…1 is held against -2…2."""
    assert evaluated([(label("none", n), reading(valence=n / 4)) for n in (-2, -1, 1, 2)]).figures()["valence_r"] == 1


@settings(max_examples=30)
@given(
    rows=st.lists(
        st.tuples(st.sets(st.sampled_from(EMOTIONS), max_size=3), st.sets(st.sampled_from(EMOTIONS), max_size=3)),
        min_size=1,
        max_size=20,
    )
)
def test_emotions_are_what_scikit_learn_says(rows: list[tuple[set[Emotion], set[Emotion]]]) -> None:
    """Micro F1 over the twenty, macro F1 over those that are labelled, and each one's, are those of scikit-learn."""
    score = evaluated([(label("none", 0, tuple(meant)), reading(*read)) for meant, read in rows])
    meants = [[emotion in meant for emotion in EMOTIONS] for meant, _ in rows]
    reads = [[emotion in read for emotion in EMOTIONS] for _, read in rows]
    figures, told = score.figures(), score.told()["emotions"]
    assert (figures["micro_f1"] or 0) == pytest.approx(
        f1_score(meants, reads, average="micro", zero_division=0), abs=1e-4
    )
    labelled = [place for place in range(20) if any(row[place] for row in meants)]
    if labelled:
        wanted = f1_score(meants, reads, average="macro", labels=labelled, zero_division=0)
        assert figures["macro_f1"] == pytest.approx(wanted, abs=1e-4)
    each = f1_score(meants, reads, average=None, zero_division=0)
    assert [told[emotion]["f1"] or 0 for emotion in EMOTIONS] == pytest.approx(list(each), abs=1e-4)


def test_every_figure_has_a_name() -> None:
    """Exactly the figures that are named are answered, those of success, effort and action among them."""
    assert list(evaluated(ROWS).figures()) == list(FIGURES)
    assert set(FIGURES) >= {f"{name}_accuracy" for name in ASIDE} | AT_MOST


def test_nothing_evaluated() -> None:
    """Without rows there are no figures, and no error."""
    assert set(Evaluation().figures().values()) == {None}
    assert Evaluation().brief()["rows"] == 0
