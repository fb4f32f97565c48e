"""Correction: somebody who knows better says what a moment should have been read as.

A moment keeps a set of corrections, and the one made last counts, whatever the order in which they arrive: the
greatest by (``at``, ``id``), a last-writer-wins register (Shapiro et al., 2011). It is laid over what the reader
had read, so what it leaves out stays as the reader said, and an earlier correction leaves nothing behind. Its id is
of what it says, so the same words come again as the same correction.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from pipeline.domain.emotions import Emotion
from pipeline.domain.identity import correction_id
from pipeline.domain.limits import CORRECTIONS_MAX, NOTE_CHARS_MAX
from pipeline.domain.reading import Action, Effort, Felt, Reading, Success
from pipeline.domain.values import Name, Value

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Intensity = Annotated[int, Field(strict=True, ge=1, le=3)]


class Correction(Value):
    """What ``by`` says at ``at`` that ``moment`` of ``person`` should have been read as; what is left out stays.

    ``emotions`` (name → intensity 1…3, at most three, empty where none is expressed) comes together with
    ``primary`` (one of them, or "none"); ``valence`` runs from -2 to 2; "none" as ``success`` or ``effort`` says
    that the text gives no cue. Of several corrections of a moment the one with the latest ``at`` counts.
    ``moved_from`` is the person that it was remembered for before that person proved to be this one.
    """

    model_config = ConfigDict(
        json_schema_extra={"dependentRequired": {"emotions": ["primary"], "primary": ["emotions"]}}
    )

    moment: Id
    person: Id
    by: Name
    at: AwareDatetime
    emotions: Annotated[dict[Emotion, Intensity], Field(max_length=3)] | None = None
    primary: Emotion | Literal["none"] | None = None
    valence: Annotated[int, Field(strict=True, ge=-2, le=2)] | None = None
    success: Success | Literal["none"] | None = None
    effort: Effort | Literal["none"] | None = None
    action: Action | None = None
    note: Annotated[str, StringConstraints(max_length=NOTE_CHARS_MAX)] | None = None
    moved_from: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.emotions is None) is not (self.primary is None):
            raise PydanticCustomError("correction", "emotions and primary come together")
        if self.emotions is not None and self.primary not in (self.emotions or {"none"}):
            raise PydanticCustomError("correction", "primary must be one of emotions, or none where they are empty")
        if not any(each is not None for each in self._said):
            raise PydanticCustomError("correction", "nothing is corrected: say emotions and primary, valence, …")
        return self

    @property
    def _said(self) -> tuple[Any, ...]:
        return self.emotions, self.valence, self.success, self.effort, self.action

    @cached_property
    def id(self) -> str:
        """The same for the same words about the same moment, whosever timeline they are sent to."""
        emotions, *said = self._said
        felt = None if emotions is None else sorted(emotions.items())
        at = self.at.astimezone(UTC).isoformat()
        return correction_id(json.dumps([self.moment, self.by, at, felt, self.primary, *said, self.note]))

    @property
    def order(self) -> tuple[datetime, str]:
        """What decides which of two corrections counts: the greater."""
        return self.at, self.id


def history(known: Iterable[Correction], fresh: Iterable[Correction]) -> tuple[Correction, ...]:
    """Answer all corrections of one moment, each once, oldest first; of very many the newest."""
    each = {correction.id: correction for several in (fresh, known) for correction in several}
    return tuple(sorted(each.values(), key=lambda correction: correction.order)[-CORRECTIONS_MAX:])


def corrected(reading: Reading, correction: Correction) -> Reading:
    """Answer ``reading``, which a reader made, as ``correction`` says that it should have been.

    What a person says is certain: confidence is 1, ``negative`` 1 or 0 where the feeling was corrected, and nothing
    is left to review. Of the spans those stay that show an emotion which is still named.
    """
    update: dict[str, Any] = {"understood": True, "review": False, "reader": f"human/{correction.by}"}
    if correction.emotions is not None:
        update["emotions"] = {
            emotion: Felt(confidence=1.0, intensity=intensity) for emotion, intensity in correction.emotions.items()
        }
        update["primary"] = None if correction.primary == "none" else correction.primary
        update["spans"] = tuple(span for span in reading.spans if span.emotion in correction.emotions)
    if correction.valence is not None:
        update["valence"] = correction.valence / 2
    if correction.emotions is not None or correction.valence is not None:
        primary = update.get("primary", reading.primary)
        hurt = primary.hurts if primary else update.get("valence", reading.valence) < 0
        update["negative"] = 1.0 if hurt else 0.0
    for name in ("success", "effort"):
        if (said := getattr(correction, name)) is not None:
            update[name] = None if said == "none" else said
    if correction.action is not None:
        update["action"] = correction.action
    return reading.model_copy(update=update)


def label(moment: str, text: str, reading: Reading, correction: Correction) -> dict[str, Any]:
    """Answer the training label that ``correction`` makes of a text and what a reader had read in it.

    Valence is -2…2, and where it was not corrected the reader's, rounded.
    """
    right = corrected(reading, correction)
    return {
        "id": moment,
        "text": text,
        "emotions": {emotion.value: felt.intensity for emotion, felt in right.emotions.items()},
        "primary": right.primary.value if right.primary else "none",
        "valence": round(2 * right.valence),
        "effort": right.effort,
        "success": right.success,
        "action": right.action,
        "by": correction.by,
        "at": correction.at.isoformat(),
    }
