"""Remember: each moment joins its person's timeline once; where it hurts, an alert leaves with it.

The state of every person in the batch is read at once, the fold and the routing are decided (pipeline.stages.fold),
and the change is written back only if nobody wrote meanwhile (a version fences off a worker that lost its partition
and does not know it yet). The alerts are part of that same write, in an outbox, and stay there until their delivery
is confirmed: a crash between the write and the delivery leaves them for whoever reads the bucket next, which is at
the latest the worker that gets this batch again.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from pipeline.domain.correction import Correction
from pipeline.domain.errors import Reason, Rejected, Unavailable
from pipeline.domain.events import Merge, Moment
from pipeline.domain.limits import FUTURE_SECONDS_MAX, MOVING_PERSONS_MAX, TIMELINE_MOMENTS_MAX, VERSION_TRIES_MAX
from pipeline.ports import Send
from pipeline.stages.fold import Given, fold, moved
from pipeline.stages.stitch import arrival
from pipeline.stages.work import Arrived, Doors, Outcome

_AHEAD = timedelta(seconds=FUTURE_SECONDS_MAX)
Event = Moment | Merge | Correction


async def remember(batch: Sequence[Arrived[Event]], doors: Doors, outcome: Outcome) -> Sequence[Arrived[Event]]:
    """Fold the batch into the timelines and send the alerts that it raises."""
    waiting = _by_person(batch, outcome)
    alerts: dict[str, Send] = {}
    boxes: dict[str, set[str]] = {}
    for _ in range(VERSION_TRIES_MAX):
        corrected = {
            p: [a.event.moment for a in given.corrections] for p, given in waiting.items() if given.corrections
        }
        wanted = {
            person: [a.event.id for a in given.events if isinstance(a.event, Moment)] + corrected.get(person, [])
            for person, given in waiting.items()
        }
        states, left_behind = await doors.timelines.load(wanted)
        words = await doors.timelines.words(corrected) if corrected else {}
        alerts.update(left_behind)
        for person in waiting if left_behind else ():
            boxes.setdefault(person, set()).update(left_behind)
        decided = {
            person: fold(person, given, states[person], words.get(person, {}), doors.policy)
            for person, given in waiting.items()
        }
        changes = [decision.change for decision in decided.values() if decision.change]
        applied = await doors.timelines.apply(changes) if changes else ()
        stale = {change.person for change, done in zip(changes, applied, strict=True) if not done}
        moving: dict[str, str] = {}
        for person, (change, forwards, moves_to, refused) in decided.items():
            if person in stale:
                continue
            outcome.sends += forwards
            for record, why in refused:
                outcome.reject(record, why)
            if moves_to is not None:
                moving[person] = moves_to
            if change and change.outbox:
                alerts.update(change.outbox)
                boxes.setdefault(person, set()).update(change.outbox)
        await _follow(moving, doors, outcome)
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


def _by_person(batch: Sequence[Arrived[Any]], outcome: Outcome) -> dict[str, Given]:
    waiting: dict[str, Given] = {}
    for arrived in batch:
        event = arrived.event
        given = waiting.get(event.person)
        if given is None:
            given = waiting[event.person] = Given([], [])
        if not isinstance(event, Correction):
            given.events.append(arrived)
        elif event.at <= arrival(arrived.record) + _AHEAD:
            given.corrections.append(arrived)
        else:
            # The latest counts: one of next year would outlast all that is said until then.
            told = f"/at: {event.at.isoformat()} is in the future; a correction is said when it is made"
            outcome.reject(arrived.record, Rejected(Reason.SCHEMA, told))
    return waiting


async def _follow(moving: Mapping[str, str], doors: Doors, outcome: Outcome) -> None:
    """Send on the timelines of persons that prove to be others; they are dropped once what they hold has arrived."""
    persons = list(moving)
    for first in range(0, len(persons), MOVING_PERSONS_MAX):
        several = persons[first : first + MOVING_PERSONS_MAX]
        timelines = await doors.timelines.entries_of(several, TIMELINE_MOMENTS_MAX)
        for person, entries in zip(several, timelines, strict=True):
            for entry in entries:
                outcome.sends += moved(Moment.model_validate_json(entry.body), person, moving[person])
    if persons:
        outcome.confirmed.append(partial(doors.timelines.forget, *persons))
