"""Reading: the emotion read from one text, with the words that show why."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from pipeline.domain.emotions import Emotion
from pipeline.domain.values import Value

Unit = Annotated[float, Field(ge=0.0, le=1.0)]
Success = Literal["met", "unmet"]
Effort = Literal["low", "high"]
Action = Literal["respond", "suggestion", "praise", "none"]


class Felt(Value):
    """How surely (0…1) and how strongly (1 mild, 2 clear, 3 strong) an emotion is felt."""

    confidence: Unit
    intensity: Annotated[int, Field(ge=1, le=3)]


class Span(Value):
    """Characters ``start`` to ``end`` (exclusive) of the text, the emotion that they show and what it is about.

    ``topic`` is one of the policy's; None where the text names none of them there.
    """

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(gt=0)]
    emotion: Emotion
    topic: str | None = None


class Reading(Value):
    """What was read from one text.

    ``emotions`` holds zero to three of the twenty. ``primary`` is None where no emotion is expressed, which
    is not the same as ``understood`` being False: then the text could not be read (it is not English, say)
    and nothing is claimed. ``negative`` is the probability (0…1) that the person is hurt, ``valence`` runs
    from -1 to 1; ``success`` and ``effort`` are None where the text gives no cue. ``review`` marks a reading
    too uncertain to act on; ``truncated`` a text longer than the limit. ``topics`` are those of the policy that
    the text names, what hurts most first.
    """

    model_config = ConfigDict(protected_namespaces=())

    emotions: Annotated[dict[Emotion, Felt], Field(max_length=3)] = {}
    primary: Emotion | None = None
    valence: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    negative: Unit = 0.0
    success: Success | None = None
    effort: Effort | None = None
    action: Action = "none"
    spans: tuple[Span, ...] = ()
    topics: tuple[str, ...] = ()
    understood: bool = True
    review: bool = False
    truncated: bool = False
    reader: str = "none/0"

    @property
    def about(self) -> tuple[str, ...]:
        """What the primary emotion is about; all that the text names where nothing is known of any span."""
        if not any(span.topic for span in self.spans):
            return self.topics
        return tuple(dict.fromkeys(span.topic for span in self.spans if span.topic and span.emotion == self.primary))
