"""Case: the answering of a hurt. One open case per person and touchpoint; further hurts join it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from pipeline.domain.events import Alert, Severity
from pipeline.domain.identity import Handle, case_id
from pipeline.domain.limits import CASE_ALERTS_MAX
from pipeline.domain.values import Value

State = Literal["open"]
_RANK: dict[Severity, int] = {"low": 0, "normal": 1, "high": 2}


class Case(Value):
    """``version`` counts its changes from 1; ``alerts`` are the ids of the alerts that it answers."""

    id: str
    version: Annotated[int, Field(ge=1)]
    state: State = "open"
    person: str
    touchpoint: str
    team: str
    severity: Severity
    opened_at: AwareDatetime
    respond_by: AwareDatetime
    hurts: int
    alerts: tuple[str, ...]
    primary: str | None = None
    text: str = ""
    handles: tuple[Handle, ...] = ()
    reply_to: str | None = None


def open_case(alert: Alert) -> Case:
    """Answer the case that ``alert`` opens."""
    return Case(
        id=case_id(alert.person, alert.touchpoint, alert.id),
        version=1,
        person=alert.person,
        touchpoint=alert.touchpoint,
        team=alert.team,
        severity=alert.severity,
        opened_at=alert.raised_at,
        respond_by=alert.respond_by,
        hurts=1,
        alerts=(alert.id,),
        primary=alert.why.primary,
        text=alert.text,
        handles=alert.handles,
        reply_to=alert.reply_to,
    )


def join(case: Case, alert: Alert) -> Case:
    """Answer ``case`` with ``alert`` joined; the same case where it had joined before, or where the case is full.

    The deadline only comes nearer and the severity only rises: a new hurt is no reason to answer later.
    """
    if alert.id in case.alerts or len(case.alerts) >= CASE_ALERTS_MAX:
        return case
    worse = _RANK[alert.severity] > _RANK[case.severity]
    return case.model_copy(
        update={
            "version": case.version + 1,
            "hurts": case.hurts + 1,
            "alerts": (*case.alerts, alert.id),
            "severity": alert.severity if worse else case.severity,
            "respond_by": min(case.respond_by, alert.respond_by),
            "text": alert.text,
            "primary": alert.why.primary,
            "reply_to": alert.reply_to or case.reply_to,
        }
    )


def brought_home(cases: Iterable[Case], persons: Mapping[str, str]) -> list[Case]:
    """Answer ``cases`` under the person that each one's proved to be, by ``persons``: from former ids to the last.

    Where two meet at one touchpoint the elder answers the alerts of both from here on; the younger stays where it is.
    """
    home: dict[tuple[str, str], Case] = {}
    left: list[Case] = []
    for case in sorted(cases, key=lambda each: (each.opened_at, each.id)):
        person = persons.get(case.person, case.person)
        elder = home.get((person, case.touchpoint))
        if elder is None:
            home[person, case.touchpoint] = case.model_copy(update={"person": person})
            continue
        left.append(case)
        further = [alert for alert in case.alerts if alert not in elder.alerts][: CASE_ALERTS_MAX - len(elder.alerts)]
        home[person, case.touchpoint] = elder.model_copy(
            update={"alerts": (*elder.alerts, *further), "hurts": elder.hurts + len(further)}
        )
    return [*home.values(), *left]
