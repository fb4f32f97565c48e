"""The corrections on the log: each once, and the training labels that they make."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pipeline.buses.feed import whole
from pipeline.domain.correction import Correction, label
from pipeline.domain.errors import Rejected
from pipeline.domain.events import Moment
from pipeline.domain.limits import FUTURE_SECONDS_MAX
from pipeline.domain.values import Value
from pipeline.flow import STEPS, parse
from pipeline.settings import Settings
from pipeline.stages.stitch import arrival

_MOMENTS = next(step for step in STEPS if step.topic == "moments")
_AHEAD = timedelta(seconds=FUTURE_SECONDS_MAX)


async def on_the_log(settings: Settings) -> Mapping[str, Correction]:
    """Answer id → correction of all that the log holds, in the order in which they came. Raises Unavailable."""
    found: dict[str, Correction] = {}
    async for event in _events(settings):
        if isinstance(event, Correction):
            found.setdefault(event.id, event)
    return found


async def labels(settings: Settings, since: datetime | None = None) -> tuple[list[dict[str, Any]], int]:
    """Answer a training label for each moment that was corrected (``since`` then), by the time of the correction.

    And of how many corrected moments the log does not hold the text any more. Raises Unavailable.
    """
    latest: dict[str, Correction] = {}
    for each in (await on_the_log(settings)).values():
        if each.moment not in latest or latest[each.moment].order < each.order:
            latest[each.moment] = each
    wanted = {moment: each for moment, each in latest.items() if since is None or each.at >= since}
    found: dict[str, dict[str, Any]] = {}
    if wanted:
        async for event in _events(settings):
            if isinstance(event, Moment) and event.id in wanted:
                found[event.id] = label(event.id, event.feedback.text, event.as_read, wanted[event.id])
    ordered = sorted(found, key=lambda moment: wanted[moment].order)
    return [found[moment] for moment in ordered], len(wanted) - len(found)


async def _events(settings: Settings) -> AsyncIterator[Value]:
    async for record in whole(settings, ["moments"]):
        try:
            event = parse(_MOMENTS, record)
        except Rejected:
            continue
        if not isinstance(event, Correction) or event.at <= arrival(record) + _AHEAD:
            yield event
