"""Figures as JSON, and back: equal figures give equal bytes.

Keys are sorted, so are aliases, times are in UTC, and the trust sum, which outgrows 64 bits within months, is a
string. Corrections that wait for their moment stand there only where some do, as strings of JSON. Every person of
every batch passes through here twice, and pydantic takes three times as long for it; so orjson writes what a Brief
holds as it is, and a Brief of the known shape is put together without being validated.
"""

from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from pipeline.domain.correction import Correction
from pipeline.domain.emotions import EMOTIONS
from pipeline.domain.events import Brief
from pipeline.domain.timeline import Figures

_EMOTION = {emotion.value: emotion for emotion in EMOTIONS}
_NAME = {emotion: emotion.value for emotion in EMOTIONS}
_BRIEF_FIELDS = set(Brief.model_fields)
_put = object.__setattr__


def encode_figures(figures: Figures) -> bytes:
    """Answer the JSON of ``figures``."""
    told = {
        "aliases": sorted(figures.aliases),
        "emotions": {_NAME[emotion]: figures.emotions[emotion] for emotion in sorted(figures.emotions)},
        "first_ms": figures.first_ms,
        "last_ms": figures.last_ms,
        "moments": figures.moments,
        "negative": figures.negative,
        "neutral": figures.neutral,
        "positive": figures.positive,
        "recent": [(at_ms, moment, _told(brief)) for at_ms, moment, brief in figures.recent],
        "trust": str(figures.trust),
    }
    if figures.waiting:
        told["waiting"] = [correction.model_dump_json(exclude_none=True) for correction in figures.waiting]
    return orjson.dumps(told)


def decode_figures(body: bytes) -> Figures:
    """Answer the figures of ``body``. Raises ValueError where it holds none."""
    try:
        kept = orjson.loads(body)
        return Figures(
            moments=kept["moments"],
            positive=kept["positive"],
            negative=kept["negative"],
            neutral=kept["neutral"],
            trust=int(kept["trust"]),
            first_ms=kept["first_ms"],
            last_ms=kept["last_ms"],
            emotions={_EMOTION[name]: count for name, count in kept["emotions"].items()},
            recent=tuple([(at_ms, moment, _brief(told)) for at_ms, moment, told in kept["recent"]]),
            aliases=frozenset(kept["aliases"]),
            waiting=tuple([Correction.model_validate_json(told) for told in kept.get("waiting", ())]),
        )
    except ValidationError as error:
        raise ValueError(str(error.errors(include_input=False))) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _told(brief: Brief) -> dict[str, Any]:
    values = brief.__dict__
    # Equal times are written in one zone, and equal numbers in one way: 0.0 == -0.0 == 0.
    if not values["valence"] or values["at"].utcoffset():
        return {**values, "at": values["at"].astimezone(UTC), "valence": values["valence"] + 0.0}
    return values


def _brief(told: dict[str, Any]) -> Brief:
    if told.keys() != _BRIEF_FIELDS:
        return Brief.model_validate(told)
    primary = told["primary"]
    told["at"] = datetime.fromisoformat(told["at"])
    told["primary"] = None if primary is None else _EMOTION[primary]
    brief = Brief.__new__(Brief)
    _put(brief, "__dict__", told)
    _put(brief, "__pydantic_fields_set__", _BRIEF_FIELDS)
    _put(brief, "__pydantic_extra__", {})
    _put(brief, "__pydantic_private__", None)
    return brief
