"""The memory twins of the stores: for tests, for a try without servers, and as the plainest statement of the rules.

They keep every promise of ``pipeline.ports`` but one: what they keep ends with the process.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.domain.buckets import bucket_of
from pipeline.domain.cases import Case
from pipeline.domain.ledger import Kept
from pipeline.domain.limits import TIMELINE_MOMENTS_MAX
from pipeline.domain.timeline import Entry, Figures, milliseconds
from pipeline.ports import Begun, Change, Claim, Remembered, Send


class MemoryIdentities:
    """Identities in a dict."""

    def __init__(self) -> None:
        self._persons: dict[str, str] = {}

    async def find(self, handles: Sequence[str]) -> Sequence[str | None]:
        """Answer the person of each handle, None where it was never linked to another one."""
        return [self._persons.get(handle) for handle in handles]

    async def claim(self, claims: Sequence[Claim]) -> Sequence[bool]:
        """Compare and set each; True as well where the handle leads to the claimed person already."""
        answers = []
        for handle, person, expected in claims:
            kept = self._persons.get(handle)
            won = kept in {expected, person}
            if won:
                self._persons[handle] = person
            answers.append(won)
        return answers


class MemoryCases:
    """Cases in a dict, by person and touchpoint."""

    def __init__(self) -> None:
        self._cases: dict[str, dict[str, Case]] = {}

    async def load(self, persons: Sequence[str]) -> Mapping[str, Mapping[str, Case]]:
        """Answer person → touchpoint → the open case; empty for a person without one."""
        return {person: dict(self._cases.get(person, {})) for person in persons}

    async def save(self, cases: Sequence[Case]) -> Sequence[bool]:
        """Write each case if its version is the kept one plus one, or none is kept; else False."""
        answers = []
        for case in cases:
            kept = self._cases.setdefault(case.person, {})
            before = kept.get(case.touchpoint)
            won = before is None or case.version == before.version + 1
            if won:
                kept[case.touchpoint] = case
            answers.append(won)
        return answers

    async def newest(self, team: str | None, limit: int) -> Sequence[Case]:
        """Answer the open cases (of one team), newest first; within a millisecond by person, then touchpoint."""
        found = [case for kept in self._cases.values() for case in kept.values() if team in {None, case.team}]
        found.sort(key=lambda case: (-milliseconds(case.opened_at), case.person, case.touchpoint))
        return found[: max(limit, 0)]

    def ids(self, person: str) -> dict[str, str]:
        """Answer touchpoint → id of the open cases of ``person``."""
        return {touchpoint: case.id for touchpoint, case in self._cases.get(person, {}).items()}


@dataclass(slots=True)
class _Kept:
    version: int = 0
    figures: Figures = field(default_factory=Figures)
    moved_to: str | None = None
    when: dict[str, int] = field(default_factory=dict)
    words: dict[str, bytes] = field(default_factory=dict)

    def newest(self, count: int) -> list[tuple[int, str]]:
        """Answer (at_ms, id) of the newest ``count`` moments, oldest first; equal times by id."""
        return sorted((at_ms, moment) for moment, at_ms in self.when.items())[-count:]


class MemoryTimelines:
    """Timelines in dicts; ``cases`` are told of in ``load``."""

    def __init__(self, cases: MemoryCases) -> None:
        self._cases = cases
        self._persons: dict[str, _Kept] = {}
        self._outbox: dict[int, dict[str, Send]] = {}

    async def load(self, wanted: Mapping[str, Sequence[str]]) -> tuple[Mapping[str, Remembered], Mapping[str, Send]]:
        """Answer the state of each person, and what waits in the outboxes of their buckets, by alert id."""
        persons, waiting = {}, {}
        for person, moments in wanted.items():
            kept = self._persons.get(person) or _Kept()
            known = frozenset(moment for moment in moments if moment in kept.when)
            persons[person] = Remembered(kept.version, kept.figures, kept.moved_to, known, self._cases.ids(person))
            waiting.update(self._outbox.get(bucket_of(person), {}))
        return persons, waiting

    async def words(self, wanted: Mapping[str, Sequence[str]]) -> Mapping[str, Mapping[str, bytes]]:
        """Answer person → moment → the Moment as JSON, of those of the ``wanted`` that are kept with their words."""
        told = {}
        for person, moments in wanted.items():
            words = (self._persons.get(person) or _Kept()).words
            told[person] = {moment: words[moment] for moment in moments if moment in words}
        return told

    async def apply(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Apply each change; False where its version is stale. ``moved_to`` None leaves it as it is."""
        return [self._apply(change) for change in changes]

    def _apply(self, change: Change) -> bool:
        kept = self._persons.get(change.person) or _Kept()
        if kept.version != change.version:
            return False
        self._persons[change.person] = kept
        kept.version += 1
        kept.figures = change.figures
        kept.moved_to = change.moved_to or kept.moved_to
        for entry in change.entries:
            if entry.id not in kept.when:
                kept.when[entry.id] = entry.at_ms
                kept.words[entry.id] = entry.body
        kept.words.update({entry.id: entry.body for entry in change.corrected if entry.id in kept.words})
        if len(kept.words) > TIMELINE_MOMENTS_MAX:
            kept.words = {m: kept.words[m] for _, m in kept.newest(TIMELINE_MOMENTS_MAX) if m in kept.words}
        self._outbox.setdefault(bucket_of(change.person), {}).update(change.outbox)
        return True

    async def sent(self, alerts: Mapping[str, Sequence[str]]) -> None:
        """Forget outbox entries whose delivery is confirmed; ``alerts`` maps person → alert ids."""
        for person, ids in alerts.items():
            for alert in ids:
                self._outbox.get(bucket_of(person), {}).pop(alert, None)

    async def entries(self, person: str, newest: int) -> Sequence[Entry]:
        """Answer the newest moments that are kept with their words, oldest first."""
        kept = self._persons.get(person)
        if kept is None or newest <= 0:
            return []
        told = kept.newest(min(newest, TIMELINE_MOMENTS_MAX))
        return [Entry(moment, at_ms, kept.words[moment]) for at_ms, moment in told if moment in kept.words]

    async def entries_of(self, persons: Sequence[str], newest: int) -> Sequence[Sequence[Entry]]:
        """Answer the same for each of several persons."""
        return [await self.entries(person, newest) for person in persons]

    async def forget(self, *persons: str) -> None:
        """Drop the entries and figures of persons that have moved; nothing where one has not."""
        for person in persons:
            kept = self._persons.get(person)
            if kept is not None and kept.moved_to is not None:
                kept.figures, kept.when, kept.words = Figures(), {}, {}

    async def persons(self) -> AsyncIterator[str]:
        """Go through every person that has a state (moved ones too), in no order, each once."""
        for person in list(self._persons):
            yield person

    async def kept(self) -> AsyncIterator[Kept]:
        """Answer the timeline of every person, for `heartline verify`."""
        for person, state in list(self._persons.items()):
            moments = tuple((moment, at_ms) for at_ms, moment in state.newest(len(state.when)))
            figures = state.figures
            signs = figures.positive + figures.negative + figures.neutral
            yield Kept(person, state.moved_to, moments, figures.moments, signs)

    async def outbox(self) -> list[str]:
        """Answer the ids of the alerts whose delivery is not confirmed."""
        return [alert for box in self._outbox.values() for alert in box]


class MemoryAttempts:
    """Attempts in a dict."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, int], tuple[int, int, int]] = {}

    async def begin(self, batches: Sequence[Begun]) -> Sequence[int]:
        """Note that ``batches`` are begun; answer how often each was, this time included."""
        return [self._begin(*batch) for batch in batches]

    def _begin(self, topic: str, partition: int, first: int, last: int) -> int:
        noted = self._notes.get((topic, partition))
        if noted is None or first > noted[1]:
            self._notes[topic, partition] = (first, last, 1)
            return 1
        if last < noted[0]:
            return 1
        count = noted[2] + 1
        self._notes[topic, partition] = (noted[0], noted[1], count)
        return count

    async def withdraw(self, topic: str, partition: int) -> None:
        """Take back the last count of a partition."""
        if noted := self._notes.get((topic, partition)):
            self._notes[topic, partition] = (noted[0], noted[1], max(0, noted[2] - 1))

    async def forget(self, topic: str) -> None:
        """Drop every note of a topic."""
        self._notes = {place: note for place, note in self._notes.items() if place[0] != topic}
