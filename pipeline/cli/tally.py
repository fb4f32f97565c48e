"""What a demo has seen so far: counts, the newest readings and alerts, the timelines as they grow."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pipeline.domain.cases import Case
from pipeline.domain.envelope import Record, open_envelope, read_value
from pipeline.domain.errors import Rejected
from pipeline.domain.events import Alert, Feedback, Merge, Moment

NEWEST_KEPT = 60


@dataclass(slots=True)
class Tally:
    """Filled by ``see``; times in seconds on one monotonic clock, ``began`` that of the command."""

    began: float
    prefix: str
    wanted: set[str] = field(default_factory=set)
    published: int = 0
    published_at: float | None = None
    moments: set[str] = field(default_factory=set)
    last_moment_at: float | None = None
    rejected: int = 0
    alerts: dict[str, dict[str, Alert]] = field(default_factory=dict)
    first_alert_seconds: float | None = None
    cases: dict[str, Case] = field(default_factory=dict)
    newest: deque[Moment] = field(default_factory=lambda: deque(maxlen=NEWEST_KEPT))
    timelines: dict[str, dict[str, Moment]] = field(default_factory=dict)
    _where: dict[str, str] = field(default_factory=dict)

    def sent(self, feedback: Feedback, now: float) -> None:
        """Count a feedback that is published."""
        self.published += 1
        self.wanted.add(feedback.id)
        self.published_at = now if self.published_at is None else self.published_at

    def see(self, record: Record, now: float) -> None:
        """Take in one record of moments, alerts, cases or rejects."""
        topic = record.topic.removeprefix(self.prefix).partition(".")[0]
        if topic == "rejects":
            self.rejected += 1
            return
        try:
            envelope = open_envelope(record)
            if topic == "cases":
                self._case(read_value(Case, envelope.data))
            elif topic == "alerts":
                self._alert(read_value(Alert, envelope.data), now)
            elif envelope.type == "moment.stitched":
                self._moment(read_value(Moment, envelope.data), now)
            elif envelope.type == "person.merged":
                self._merge(read_value(Merge, envelope.data))
        except Rejected:
            return  # somebody else's record

    def _case(self, case: Case) -> None:
        known = self.cases.get(case.id)
        if known is None or known.version < case.version:
            self.cases[case.id] = case

    def _alert(self, alert: Alert, now: float) -> None:
        if self.first_alert_seconds is None:
            self.first_alert_seconds = now - self.began
        self.alerts.setdefault(alert.team, {}).setdefault(alert.id, alert)

    def _moment(self, moment: Moment, now: float) -> None:
        if moment.feedback.id in self.wanted and moment.id not in self.moments:
            self.moments.add(moment.id)
            self.newest.append(moment)
            self.last_moment_at = now
        before = self._where.get(moment.id)
        if before is not None and before != moment.person:
            self.timelines[before].pop(moment.id, None)
        self._where[moment.id] = moment.person
        self.timelines.setdefault(moment.person, {})[moment.id] = moment

    def _merge(self, merge: Merge) -> None:
        moved = self.timelines.pop(merge.person, {})
        self.timelines.setdefault(merge.into, {}).update(moved)
        for moment in moved:
            self._where[moment] = merge.into

    @property
    def accounted(self) -> bool:
        """Whether everything that was published has become a moment or a reject."""
        return self.published > 0 and len(self.moments) + self.rejected >= self.published

    @property
    def events_per_second(self) -> float | None:
        """How fast what was published became moments."""
        if self.published_at is None or self.last_moment_at is None or self.last_moment_at <= self.published_at:
            return None
        return round(len(self.moments) / (self.last_moment_at - self.published_at), 1)

    def told(self) -> dict[str, Any]:
        """Answer the figures as plain values."""
        return {
            "published": self.published,
            "moments": len(self.moments),
            "rejected": self.rejected,
            "alerts": {team: len(alerts) for team, alerts in sorted(self.alerts.items())},
            "cases": len(self.cases),
            "seconds_to_first_alert": None if self.first_alert_seconds is None else round(self.first_alert_seconds, 2),
            "events_per_second": self.events_per_second,
        }
