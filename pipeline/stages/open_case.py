"""Open a case: an alert becomes the one open case of its person and touchpoint, or joins it; once."""

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import groupby

from pipeline.domain.cases import Case, join
from pipeline.domain.cases import open_case as opened
from pipeline.domain.envelope import seal
from pipeline.domain.errors import Unavailable
from pipeline.domain.events import Alert
from pipeline.domain.limits import VERSION_TRIES_MAX
from pipeline.ports import Send
from pipeline.stages.work import Arrived, Doors, Outcome


async def open_case(batch: Sequence[Arrived[Alert]], doors: Doors, outcome: Outcome) -> Sequence[Arrived[Alert]]:
    """Open or join the case of each alert and send the cases to ``cases``.

    An alert that comes again changes nothing; its case is sent again as it stands, which on a compacted topic
    whose reader keeps the highest version says nothing new.
    """
    waiting = [arrived.event for arrived in batch if arrived.event.opens_case]
    for _ in range(VERSION_TRIES_MAX):
        if not waiting:
            return batch
        kept = await doors.cases.load(list({person for alert in waiting for person in (alert.person, *alert.aliases)}))
        told: dict[str, Case] = {}
        fresh: dict[str, Alert] = {}
        for alert in waiting:
            # Raised anew (a rebuild), it may name another touchpoint than then: the case that answers it goes on.
            if case := _case_with(alert, kept):
                told[case.id] = case
            else:
                fresh.setdefault(alert.id, alert)
        changed, stale = [], []
        for _, group in groupby(sorted(fresh.values(), key=_place), key=_place):
            alerts = list(group)
            before = _open_case_of(alerts[0], kept)
            after = reduce(join, alerts, before or opened(alerts[0]))
            if after is before:
                told[after.id] = after
            else:
                # Several alerts in one batch are one change of the case.
                after = after.model_copy(update={"version": before.version + 1 if before else 1})
                changed.append((after, alerts))
        saved = await doors.cases.save([case for case, _ in changed]) if changed else ()
        for (case, alerts), done in zip(changed, saved, strict=True):
            if done:
                told[case.id] = case
            else:
                stale += alerts
        outcome.sends += [_send(case) for case in told.values()]
        waiting = stale
    if waiting:
        raise Unavailable("cases: somebody else keeps writing the same cases; will be tried again")
    return batch


def _place(alert: Alert) -> tuple[str, str]:
    return alert.person, alert.touchpoint


def _case_with(alert: Alert, kept: Mapping[str, Mapping[str, Case]]) -> Case | None:
    cases = (case for person in (alert.person, *alert.aliases) for case in kept.get(person, {}).values())
    return next((case for case in cases if alert.id in case.alerts), None)


def _open_case_of(alert: Alert, kept: Mapping[str, Mapping[str, Case]]) -> Case | None:
    for person in (alert.person, *alert.aliases):
        if case := kept.get(person, {}).get(alert.touchpoint):
            return case
    return None


def _send(case: Case) -> Send:
    return Send(
        "cases",
        case.id.encode(),
        case.model_dump_json(exclude_none=True).encode(),
        seal(
            "case.changed", f"{case.id}/{case.version}", "/heartline/open_case", case.opened_at.isoformat(), case.person
        ),
    )
