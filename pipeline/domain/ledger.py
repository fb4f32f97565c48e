"""The ledger: does what came out account for all that went in?

What was acknowledged is on topic ``feedback``; that is the truth that everything else is held against, together
with the producers' own notes where they were kept. Each record has one outcome: its moment is on one person's
timeline, or the record is in ``rejects``. The rest (alerts, cases, outboxes, order) follows from the timelines.

The words are those of Jepsen's queue checkers where they have one: *lost* and *unseen*, *phantom*, *inversion*. Each
anomaly is found by its own statement, and what follows from one is not reported again under another name.

==================  ==================================================================================================
lost                a record of ``feedback`` that is on no timeline and not in ``rejects``
unseen              a producer was told "kept", and the event is not on ``feedback``
doubled             a moment on two timelines, or counted more often than it is there
phantom             a moment, a reject or an event that nobody sent, or whose producer was told "not kept"
double-outcome      on a timeline, although every record of it was rejected
missing-alert       a moment that the policy has a rule for, as read or corrected, and no alert on ``alerts.*``
phantom-alert       an alert that the policy has no rule for, or for a moment that nobody stitched
duplicate-alert     two alert ids for one moment; what was corrected may have one for each reading of it
missing-case        an alert that opens a case, and no case answers it
double-case         an alert in two cases, or two open cases of one person and touchpoint; what was opened for two
                    persons before they proved to be one does not count
inversion           moments of one person overtook each other, or stand at the wrong time
stale-outbox        an alert whose delivery was never confirmed, although nothing is in work any more
count-drift         figures that do not add up, or count less than is there
==================  ==================================================================================================
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from pipeline.domain.cases import Case
from pipeline.domain.identity import proved_one
from pipeline.domain.limits import CASE_ALERTS_MAX

ANOMALIES = (
    "lost",
    "unseen",
    "doubled",
    "phantom",
    "double-outcome",
    "missing-alert",
    "phantom-alert",
    "duplicate-alert",
    "missing-case",
    "double-case",
    "inversion",
    "stale-outbox",
    "count-drift",
)
EXAMPLES_MAX = 10
Sent = Literal["ok", "fail", "info"]


class Place(NamedTuple):
    """Where a record stands; the topic without prefix."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


class Heard(NamedTuple):
    """A record of ``feedback``: where, when it arrived (ms since 1970), the moment it makes, None if it is no good."""

    place: Place
    arrived_ms: int
    moment: str | None


class Noted(NamedTuple):
    """What a producer noted of one sending: kept, surely not kept, or unknown (it may have been)."""

    moment: str
    source: str
    id: str
    state: Sent


class Stitched(NamedTuple):
    """A record of ``moments``; ``origin`` is the partition and offset of its ``feedback``.

    ``alert`` is the id and the team of the alert that the policy wants for it.
    """

    place: Place
    moment: str
    person: str
    at_ms: int
    origin: tuple[int, int] | None
    alert: tuple[str, str] | None


class Corrected(NamedTuple):
    """A correction on ``moments``, of a moment of ``person``; of several the one with the greatest ``order`` counts.

    ``alert`` is the id and the team of the alert that the policy wants for the moment as it corrects it.
    """

    place: Place
    moment: str
    person: str
    order: tuple[datetime, str]
    alert: tuple[str, str] | None


class Kept(NamedTuple):
    """One person's timeline: every moment with its time, what the figures count in all and by their three signs."""

    person: str
    moved_to: str | None
    moments: tuple[tuple[str, int], ...]
    counted: int
    signs: int


class Raised(NamedTuple):
    """A record of ``alerts.<team>``."""

    place: Place
    alert: str
    moment: str
    policy: str
    opens_case: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the check looks at.

    ``rejected`` maps where a rejected record came from to the reason; ``horizon_ms`` is set where old records of
    ``feedback`` were deleted (retention): nothing is known of what was said before. ``lag`` is what the workers
    have not read yet, by topic. ``policy`` is the version of the policy that ``Stitched.alert`` was found with.
    ``one`` are ids that proved to be one person, as the log tells. What was published after ``heard`` was read is left
    out of account.
    """

    heard: Sequence[Heard] = ()
    stitched: Sequence[Stitched] = ()
    corrected: Sequence[Corrected] = ()
    kept: Sequence[Kept] = ()
    rejected: Mapping[Place, str] = field(default_factory=dict)
    raised: Sequence[Raised] = ()
    cases: Sequence[Case] = ()
    outbox: Sequence[str] = ()
    noted: Sequence[Noted] = ()
    lag: Mapping[str, int] = field(default_factory=dict)
    policy: str = ""
    horizon_ms: int | None = None
    one: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Anomaly:
    """How often something was found, and the first of it."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(example)


@dataclass(frozen=True, slots=True)
class Report:
    """What the check came to: how much there was of everything, and each anomaly by its name."""

    totals: Mapping[str, int]
    reasons: Mapping[str, int]
    anomalies: Mapping[str, Anomaly]
    lag: Mapping[str, int]

    @property
    def behind(self) -> int:
        """Records that the workers have not read yet."""
        return sum(self.lag.values())

    @property
    def clean(self) -> bool:
        """Whether all is accounted for: nothing was found, and nothing is still on its way."""
        return not self.behind and not any(anomaly.count for anomaly in self.anomalies.values())

    @property
    def verdict(self) -> str:
        """The report in a sentence."""
        count = {name: anomaly.count for name, anomaly in self.anomalies.items()}
        outcome = count["double-outcome"]
        words = [f"{name} {count[name]}" for name in ("lost", "doubled", "phantom")]
        words.append(f"{outcome} with two outcomes" if outcome else "one outcome for each")
        words += [
            f"{name} {n}"
            for name, n in count.items()
            if n and name not in {"lost", "doubled", "phantom", "double-outcome"}
        ]
        return ", ".join(words)


class _Check:
    """The evidence, indexed once, and what was found in it."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.found = {name: Anomaly() for name in ANOMALIES}
        self.living = [kept for kept in evidence.kept if kept.moved_to is None]
        self.heard: dict[str, list[Place]] = defaultdict(list)
        for heard in evidence.heard:
            if heard.moment is not None:
                self.heard[heard.moment].append(heard.place)
        self.stitched: dict[str, list[Stitched]] = defaultdict(list)
        for stitched in evidence.stitched:
            self.stitched[stitched.moment].append(stitched)
        later = self._later()
        self.owners: dict[str, list[str]] = defaultdict(list)
        for kept in self.living:
            for moment, _ in kept.moments:
                if moment not in later:
                    self.owners[moment].append(kept.person)
        self.raised = [raised for raised in evidence.raised if raised.moment not in later]
        # After a rebuild nobody has moved: who proved to be whom is on the log only.
        self.moved = proved_one(evidence.one)
        self.moved.update({kept.person: kept.moved_to for kept in evidence.kept if kept.moved_to})
        self.corrected = self._corrected()

    def _later(self) -> set[str]:
        ends: dict[int, int] = defaultdict(int)
        for heard in self.evidence.heard:
            ends[heard.place.partition] = max(ends[heard.place.partition], heard.place.offset + 1)
        return {
            moment
            for moment, copies in self.stitched.items()
            if moment not in self.heard
            and all(copy.origin is not None and copy.origin[1] >= ends[copy.origin[0]] for copy in copies)
        }

    def _corrected(self) -> dict[str, list[Corrected]]:
        """Answer the corrections that met their moment: not rejected, and sent to whom its timeline belongs."""
        met: dict[str, list[Corrected]] = defaultdict(list)
        for each in self.evidence.corrected:
            if each.place not in self.evidence.rejected and self._last(each.person) in self.owners.get(each.moment, ()):
                met[each.moment].append(each)
        return met

    def _last(self, person: str) -> str:
        while (after := self.moved.get(person)) is not None:
            person = after
        return person

    def outcomes(self) -> None:
        """Every record of ``feedback`` is on one timeline or in ``rejects``."""
        rejected, lost = self.evidence.rejected, self.found["lost"]
        for heard in self.evidence.heard:
            if heard.moment is None and heard.place not in rejected:
                lost.add(f"{heard.place}: can never be good, and is not in rejects")
        for moment, places in self.heard.items():
            good = [place for place in places if place not in rejected]
            copies = self.stitched.get(moment, [])
            refused = [copy for copy in copies if copy.place in rejected]
            if moment in self.owners:
                if not good or (refused and len(refused) == len(copies)):
                    self.found["double-outcome"].add(f"{places[0]}: moment {moment} is on a timeline and in rejects")
            elif good and not refused:
                where = f", last seen at {copies[-1].place}" if copies else ""
                lost.add(f"{good[0]}: moment {moment} is on no timeline{where}")

    def timelines(self) -> None:
        """A moment is on one timeline, and the figures count what is there."""
        doubled, drift = self.found["doubled"], self.found["count-drift"]
        for moment, persons in self.owners.items():
            if len(persons) > 1:
                doubled.add(f"moment {moment} is on the timelines of {', '.join(sorted(persons))}")
        for kept in self.living:
            there = len(kept.moments)
            if kept.counted > there:
                doubled.add(f"{kept.person}: {kept.counted} moments are counted, {there} are there")
            elif kept.counted < there:
                drift.add(f"{kept.person}: {kept.counted} moments are counted, {there} are there")
            elif kept.signs != kept.counted:
                drift.add(f"{kept.person}: positive, negative and neutral make {kept.signs}, not {kept.counted}")

    def phantoms(self) -> None:
        """Whatever is there, somebody sent it."""
        phantom, horizon = self.found["phantom"], self.evidence.horizon_ms
        for kept in self.living:
            for moment, at_ms in kept.moments:
                unheard = moment in self.owners and moment not in self.heard
                if unheard and (horizon is None or at_ms >= horizon):
                    phantom.add(f"moment {moment} of {kept.person} comes from no record of feedback")
        if horizon is None:
            places = {heard.place for heard in self.evidence.heard}
            for place in self.evidence.rejected:
                if place.topic == "feedback" and place not in places:
                    phantom.add(f"a reject says that it comes from {place}, where nothing is")

    def producers(self) -> None:
        """What a producer was told is so; of several sendings of one event the best answer counts."""
        told: dict[str, Noted] = {}
        for noted in self.evidence.noted:
            before = told.get(noted.moment)
            if before is None or before.state != "ok":
                told[noted.moment] = noted
        for moment, noted in told.items():
            seen = moment in self.heard
            if noted.state == "ok" and not seen and self.evidence.horizon_ms is None:
                self.found["unseen"].add(f"{noted.source} {noted.id} was confirmed and is not on feedback")
            if noted.state == "fail" and (seen or moment in self.owners):
                self.found["phantom"].add(
                    f"{noted.source} {noted.id} was not kept, its producer was told, and is there"
                )

    def alerts(self) -> None:
        """The policy, asked again, says which moments have an alert."""
        raised: dict[str, dict[str, Raised]] = defaultdict(dict)
        for each in self.raised:
            raised[each.moment][each.alert] = each
        for moment, several in raised.items():
            if len(several) > 1 and moment not in self.corrected:
                self.found["duplicate-alert"].add(f"moment {moment} has the alerts {', '.join(sorted(several))}")
                continue
            for alert in several.values():
                if why := self._phantom(moment, alert):
                    self.found["phantom-alert"].add(f"{alert.place}: alert {alert.alert} {why}")
        for moment in self.owners:
            wanted = {copy.alert for copy in self.stitched.get(moment, ())}
            answered = bool(told := raised.get(moment, {}))
            if corrections := self.corrected.get(moment):
                wanted = {max(corrections, key=lambda each: each.order).alert}
                ids = {each[0] for each in wanted if each}
                answered = any(a.alert in ids or a.policy != self.evidence.policy for a in told.values())
            if wanted and None not in wanted and not answered:
                teams = ", ".join(sorted({team for _, team in (each for each in wanted if each)}))
                self.found["missing-alert"].add(f"moment {moment} hurts, and {teams} was not told")

    def _phantom(self, moment: str, alert: Raised) -> str | None:
        copies = self.stitched.get(moment)
        if not copies:
            # `moments` is kept for a shorter time than `alerts`.
            return None if self.evidence.horizon_ms is not None else f"is for moment {moment}, which nobody stitched"
        team = alert.place.topic.partition(".")[2]
        wanted = {copy.alert for copy in copies} | {each.alert for each in self.corrected.get(moment, ())}
        if alert.policy == self.evidence.policy and (alert.alert, team) not in wanted:
            return f"is not one that the policy raises for moment {moment}"
        return None  # a moment that is on no timeline is lost, and told there

    def cases(self) -> None:
        """An alert that opens a case is answered by one case, and there is one open case a person and touchpoint."""
        latest: dict[str, Case] = {}
        for case in self.evidence.cases:
            if case.id not in latest or latest[case.id].version < case.version:
                latest[case.id] = case
        answering: dict[str, list[Case]] = defaultdict(list)
        places: dict[tuple[str, str], list[str]] = defaultdict(list)
        for case in latest.values():
            places[case.person, case.touchpoint].append(case.id)
            for alert in case.alerts:
                answering[alert].append(case)
        for (person, touchpoint), cases in places.items():
            if len(cases) > 1:
                self.found["double-case"].add(f"{person} has {len(cases)} open cases at {touchpoint}")
        # A case that is full takes in no more.
        full = any(len(case.alerts) >= CASE_ALERTS_MAX for case in latest.values())
        for raised in {raised.alert: raised for raised in self.raised if raised.opens_case}.values():
            several = answering.get(raised.alert, [])
            if not several and not full and raised.place not in self.evidence.rejected:
                self.found["missing-case"].add(f"{raised.place}: alert {raised.alert} is in no case")
            if len(several) > 1 and not self._proved_one([case.person for case in several]):
                cases = sorted(case.id for case in several)
                self.found["double-case"].add(f"alert {raised.alert} is in the cases {', '.join(cases)}")

    def _proved_one(self, persons: Sequence[str]) -> bool:
        if len(set(persons)) < len(persons):
            return False
        return len({self._last(person) for person in persons}) == 1

    def order(self) -> None:
        """Of one person and partition of ``feedback``, who came first stands first; timelines go by time.

        Only the first delivery of a moment counts. One that was sent on to the person whom its own proved to be
        arrives there when it does.
        """
        inversion = self.found["inversion"]
        newest: dict[tuple[str, int], int] = {}
        seen: set[str] = set()
        for copy in sorted(self.evidence.stitched, key=lambda each: each.place):
            if copy.moment in seen or copy.origin is None:
                continue
            seen.add(copy.moment)
            if len({each.person for each in self.stitched[copy.moment]}) > 1:
                continue
            partition, offset = copy.origin
            before = newest.get((copy.person, partition), -1)
            if offset < before:
                inversion.add(f"{copy.place}: feedback[{partition}]@{offset} of {copy.person} comes after @{before}")
            newest[copy.person, partition] = max(offset, before)
        for kept in self.living:
            for moment, at_ms in kept.moments:
                copies = self.stitched.get(moment)
                if copies and at_ms not in {copy.at_ms for copy in copies}:
                    inversion.add(f"moment {moment} of {kept.person} stands at {at_ms}, it was said at another time")

    def outboxes(self) -> None:
        """Nothing waits for a confirmation when nothing is in work."""
        if not sum(self.evidence.lag.values()):
            for alert in self.evidence.outbox:
                self.found["stale-outbox"].add(f"alert {alert} waits in an outbox")


def check(evidence: Evidence) -> Report:
    """Hold everything against ``feedback`` and answer what does not fit."""
    checking = _Check(evidence)
    checking.outcomes()
    checking.timelines()
    checking.phantoms()
    checking.producers()
    checking.alerts()
    checking.cases()
    checking.order()
    checking.outboxes()
    return Report(
        totals={
            "feedback": len(evidence.heard),
            "events": len(checking.heard) + sum(heard.moment is None for heard in evidence.heard),
            "remembered": len(checking.owners),
            "rejected": len(evidence.rejected),
            "persons": len(checking.living),
            "alerts": _distinct(raised.alert for raised in evidence.raised),
            "cases": _distinct(case.id for case in evidence.cases),
        },
        reasons=Counter(evidence.rejected.values()),
        anomalies=checking.found,
        lag={topic: behind for topic, behind in evidence.lag.items() if behind},
    )


def _distinct(ids: Iterable[str]) -> int:
    return len(set(ids))
