"""Remember: each moment joins its person's timeline once; where it hurts, an alert leaves with it.

The state of every person in the batch is read at once, the fold and the routing are decided here, and the change is
written back only if nobody wrote meanwhile (a version fences off a worker that lost its partition and does not know
it yet). The alerts are part of that same write, in an outbox, and stay there until their delivery is confirmed: a
crash between the write and the delivery leaves them for whoever reads the bucket next, which is at the latest the
worker that gets this batch again.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import orjson

from pipeline.domain.envelope import seal
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import Alert, Merge, Moment
from pipeline.domain.limits import TIMELINE_MOMENTS_MAX, VERSION_TRIES_MAX
from pipeline.domain.policy import Policy
from pipeline.domain.routing import route
from pipeline.domain.timeline import Entry, Figures, add, milliseconds
from pipeline.ports import Change, Remembered, Send
from pipeline.stages.stitch import arrival, send_merge, send_moment
from pipeline.stages.work import Arrived, Doors, Outcome


class _Decided(NamedTuple):
    change: Change | None
    forwards: list[Send]  # what goes on to the person that this one proved to be
    moves_to: str | None  # where the timeline itself has to follow; None where there is nothing to move


async def remember(
    batch: Sequence[Arrived[Moment | Merge]], doors: Doors, outcome: Outcome
) -> Sequence[Arrived[Moment | Merge]]:
    """Fold the batch into the timelines and send the alerts that it raises."""
    waiting: dict[str, list[Arrived[Moment | Merge]]] = {}
    for arrived in batch:
        waiting.setdefault(arrived.event.person, []).append(arrived)
    alerts: dict[str, Send] = {}
    boxes: dict[str, set[str]] = {}
    for _ in range(VERSION_TRIES_MAX):
        wanted = {
            person: [a.event.id for a in several if isinstance(a.event, Moment)] for person, several in waiting.items()
        }
        states, left_behind = await doors.timelines.load(wanted)
        alerts.update(left_behind)
        for person in waiting if left_behind else ():
            boxes.setdefault(person, set()).update(left_behind)
        decided = {
            person: _decide(person, several, states[person], doors.policy) for person, several in waiting.items()
        }
        changes = [decision.change for decision in decided.values() if decision.change]
        applied = await doors.timelines.apply(changes) if changes else ()
        stale = {change.person for change, done in zip(changes, applied, strict=True) if not done}
        for person in decided.keys() - stale:
            await _follow(person, decided[person], doors, outcome)
            if change := decided[person].change:
                alerts.update(change.outbox)
                boxes.setdefault(person, set()).update(change.outbox)
        waiting = {person: waiting[person] for person in stale}
        if not waiting:
            break
    else:
        raise Unavailable("timelines: somebody else keeps writing the same persons; will be tried again")
    if alerts:
        outcome.sends += alerts.values()
        # A moment that two persons were told of before they proved to be one left its alert with both of them.
        forgettable = {person: sorted(several) for person, several in boxes.items()}
        outcome.confirmed.append(partial(doors.timelines.sent, forgettable))
    return batch


def _decide(person: str, several: Sequence[Arrived[Moment | Merge]], state: Remembered, policy: Policy) -> _Decided:
    figures, moved_to, seen = state.figures, state.moved_to, set(state.known)
    entries: list[Entry] = []
    outbox: dict[str, Send] = {}
    forwards: list[Send] = []
    merged = False
    for record, event in several:
        if isinstance(event, Merge):
            merged = True
            if moved_to is not None and moved_to != event.into:
                # Two persons that this one proved to be are one: the larger follows the smaller.
                least, other = sorted((moved_to, event.into))
                forwards.append(send_merge(event.model_copy(update={"person": other, "into": least})))
                moved_to = least
            else:
                moved_to = event.into
        elif moved_to is not None:
            # What the timeline still holds goes with it: the Merge comes again until all of it has moved.
            if event.id not in seen:
                forwards.append(send_moment(event.model_copy(update={"person": moved_to})))
        elif event.id not in seen:
            seen.add(event.id)
            figures = add(figures, (event,), policy)
            entries.append(Entry(event.id, milliseconds(event.at), record.value or b""))
            if alert := route(event, figures, state.cases, arrival(record), policy):
                outbox[alert.id] = _send_alert(alert)
    # Of a person that nobody has written yet, nothing is kept that would have to follow.
    moves_to = moved_to if merged and (state.version or entries) else None
    if not entries and moved_to == state.moved_to:
        return _Decided(None, forwards, moves_to)
    change = Change(person, state.version, Figures() if moved_to else figures, entries, outbox, moved_to)
    return _Decided(change, forwards, moves_to)


async def _follow(person: str, decision: _Decided, doors: Doors, outcome: Outcome) -> None:
    """Send on what belongs to another person now; the old timeline is dropped once all of it has arrived."""
    outcome.sends += decision.forwards
    if decision.moves_to is None:
        return
    for entry in await doors.timelines.entries(person, TIMELINE_MOMENTS_MAX):
        moment = Moment.model_validate(orjson.loads(entry.body))
        before = (*(moment.moved_before or ()), moment.moved_from) if moment.moved_from else None
        update = {"person": decision.moves_to, "moved_from": person, "moved_before": before}
        outcome.sends.append(send_moment(moment.model_copy(update=update)))
    outcome.confirmed.append(partial(doors.timelines.forget, person))


def _send_alert(alert: Alert) -> Send:
    return Send(
        f"alerts.{alert.team}",
        alert.person.encode(),
        alert.__pydantic_serializer__.to_json(alert, exclude_none=True),
        seal("alert.raised", alert.id, "/heartline/route", alert.raised_at.isoformat(), alert.person),
    )
