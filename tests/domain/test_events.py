"""The values that flow: what they take, what they refuse and what they keep."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.domain.events import Alert, Feedback, Moment
from pipeline.domain.limits import HANDLES_MAX, NAME_CHARS_MAX
from tests.makers import alert, feedback, moment, said, unexplained


def refused(**given_: Any) -> set[str]:
    """Answer the places that make a feedback refused."""
    with pytest.raises(ValidationError) as caught:
        Feedback.model_validate(said(1, "x", {}) | given_)
    return {".".join(map(str, problem["loc"])) for problem in caught.value.errors()}


@pytest.mark.parametrize(
    ("given_", "place"),
    [
        ({"answers": {"nps": True}}, "answers.nps"),
        ({"answers": {"nps": "nine"}}, "answers.nps"),
        ({"answers": {"nps": float("nan")}}, "answers.nps"),
        ({"answers": {"nps": float("inf")}}, "answers.nps"),
        ({"answers": [1]}, "answers"),
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"at": "2026-09-01T12:00:00"}, "at"),
        ({"at": "soon"}, "at"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"id": "x" * (NAME_CHARS_MAX + 1)}, "id"),
        ({"channel": "  "}, "channel"),
        ({"stakeholder": "robot"}, "stakeholder"),
        ({"handles": [{"kind": "email", "value": ""}]}, "handles.0.value"),
        ({"handles": [{"kind": "a", "value": "b"}] * (HANDLES_MAX + 1)}, "handles"),
        ({"handles": "ana@example.com"}, "handles"),
    ],
)
def test_wrong_values_are_refused_where_they_stand(given_: dict[str, Any], place: str) -> None:
    """Each wrong value is refused, and the refusal says where it stands."""
    assert place in refused(**given_)


def test_handles_as_a_mapping() -> None:
    """A mapping kind → value is the same as a list of handles."""
    listed = Feedback.model_validate(said(1, "x", {"email": "a@b.org", "phone": "1"}))
    assert Feedback.model_validate(said(1, "x", {}) | {"handles": {"email": "a@b.org", "phone": "1"}}) == listed


@given(st.text(max_size=50))
def test_only_nul_is_dropped_from_a_text(text: str) -> None:
    """A text is kept to the character, RTL marks, emoji and zero widths included; NUL alone goes."""
    assert feedback(text=text).text == text.replace("\x00", "")


def test_values_cannot_be_changed() -> None:
    """A feedback is immutable."""
    with pytest.raises(ValidationError):
        feedback().text = "other"  # type: ignore[misc]


def test_unknown_fields_are_kept() -> None:
    """What a newer producer adds, at the top and inside, is still there after a round trip, hostile names too."""
    added = {"mood_ring": {"colour": "red"}, "model_config": 1, "__class__": "x"}
    added["handles"] = [{"kind": "a", "value": "b", "verified": True}]
    told = Feedback.model_validate(said(1, "x", {}) | added)
    assert orjson.loads(told.model_dump_json()).items() >= added.items()


@pytest.mark.parametrize(
    "event", [feedback(), moment(), alert(), unexplained()], ids=lambda event: type(event).__name__
)
def test_what_is_sent_can_be_read(event: Feedback | Moment | Alert) -> None:
    """A value written without its Nones, as it goes on a topic, is read back as the same value."""
    assert type(event).model_validate(orjson.loads(event.model_dump_json(exclude_none=True))) == event
