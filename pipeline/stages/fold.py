"""Fold: what a batch does to the timeline of one person, decided without any door.

A correction changes a moment that is here as if it had been read so from the start, in the figures and in what is
told of it; one that comes before its moment waits for it in the figures. So the order of the two does not matter. It
raises the alert that the reading as corrected would have raised, once, under the id of the moment and the rule; what
was raised before stays, somebody may be answering it. Where a timeline moves, its moments go as they were read, and
what corrects them goes before them: they may come too late to be kept with their words, and without those nothing can
be corrected.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.domain.correction import Correction
from pipeline.domain.envelope import Record, seal
from pipeline.domain.errors import Reason, Rejected
from pipeline.domain.events import Alert, Merge, Moment
from pipeline.domain.limits import CORRECTIONS_WAITING_MAX, TIMELINE_MOMENTS_MAX
from pipeline.domain.policy import Policy
from pipeline.domain.routing import route, rule_of
from pipeline.domain.timeline import Entry, Figures, add, correct, milliseconds, replace_moment
from pipeline.ports import Change, Remembered, Send
from pipeline.stages.stitch import arrival, send_merge, send_moment
from pipeline.stages.work import Arrived


class Given(NamedTuple):
    """What a batch brings for one person."""

    events: list[Arrived[Moment | Merge]]
    corrections: list[Arrived[Correction]]


class Decided(NamedTuple):
    """What becomes of it."""

    change: Change | None
    forwards: list[Send]  # what goes on to the person that this one proved to be
    moves_to: str | None  # where the timeline itself has to follow; None where there is nothing to move
    refused: list[tuple[Record, Rejected]]


def fold(person: str, given: Given, state: Remembered, words: Mapping[str, bytes], policy: Policy) -> Decided:
    """Decide what ``given`` changes; ``words`` are the bodies of the moments that it corrects, where they are kept."""
    folding = _Folding(person, given.corrections, state, policy)
    for arrived in given.events:
        if isinstance(arrived.event, Merge):
            folding.merge(arrived.event)
        else:
            folding.join(arrived.record, arrived.event)
    if folding.said:
        folding.amend(given.corrections, words)
    return folding.decided()


class _Folding:
    """The state of one person while a batch is folded into it.

    ``said`` is what still has to find its moment: moment → id → correction.
    """

    def __init__(
        self, person: str, corrections: Sequence[Arrived[Correction]], state: Remembered, policy: Policy
    ) -> None:
        self.person, self.state, self.policy = person, state, policy
        self.figures, self.moved_to, self.seen = state.figures, state.moved_to, set(state.known)
        self.merged = False
        self.entries: list[Entry] = []
        self.corrected: list[Entry] = []
        self.outbox: dict[str, Send] = {}
        self.forwards: list[Send] = []
        self.refused: list[tuple[Record, Rejected]] = []
        self.said: dict[str, dict[str, Correction]] = {}
        for each in (*state.figures.waiting, *(arrived.event for arrived in corrections)):
            self.said.setdefault(each.moment, {}).setdefault(each.id, each)

    def merge(self, event: Merge) -> None:
        """Move to another person from here on."""
        self.merged = True
        if self.moved_to is not None and self.moved_to != event.into:
            # Two persons that this one proved to be are one: the larger follows the smaller.
            least, other = sorted((self.moved_to, event.into))
            self.forwards.append(send_merge(event.model_copy(update={"person": other, "into": least})))
            self.moved_to = least
        else:
            self.moved_to = event.into

    def join(self, record: Record, moment: Moment) -> None:
        """Take in a moment, once, as it was corrected before it came."""
        if moment.id in self.seen:
            return
        if self.moved_to is not None:
            # What the timeline still holds goes with it: the Merge comes again until all of it has moved.
            self.forwards.append(send_moment(moment.model_copy(update={"person": self.moved_to})))
            return
        self.seen.add(moment.id)
        body, asking = record.value or b"", moment
        if self.said and (said := self.said.pop(moment.id, None)):
            moment = correct(moment, said.values())
            body, asking = _body(moment), _asking(moment, said)
        self.figures = add(self.figures, (moment,), self.policy)
        self.entries.append(Entry(moment.id, milliseconds(moment.at), body))
        self._route(asking, record)

    def amend(self, corrections: Sequence[Arrived[Correction]], words: Mapping[str, bytes]) -> None:
        """Correct the moments that were here before the batch; corrections of any other wait, or follow the person."""
        if self.moved_to is not None:
            self.forwards += [
                send_correction(each.model_copy(update={"person": self.moved_to}))
                for several in self.said.values()
                for each in several.values()
            ]
            return
        came: dict[str, list[Record]] = {}
        for record, event in corrections:
            came.setdefault(event.moment, []).append(record)
        for moment in came.keys() & self.state.known & self.said.keys():
            said = self.said.pop(moment)
            if moment in words:
                self._correct(Moment.model_validate_json(words[moment]), said, came[moment][-1])
            else:
                told = f"moment {moment} is older than the {TIMELINE_MOMENTS_MAX} that are kept with their words"
                self.refused += [(record, Rejected(Reason.CANNOT_CORRECT, told)) for record in came[moment]]
        self._limit(corrections)

    def _correct(self, before: Moment, said: Mapping[str, Correction], record: Record) -> None:
        after = correct(before, said.values())
        if after is before:
            return
        self.corrected.append(Entry(after.id, milliseconds(after.at), _body(after)))
        if after.reading == before.reading:
            return
        self.figures = replace_moment(self.figures, before, after, self.policy)
        was, rule = rule_of(before, self.policy), rule_of(after, self.policy)
        if rule is not None and (was is None or was.name != rule.name):
            self._route(_asking(after, said), record)

    def _limit(self, corrections: Sequence[Arrived[Correction]]) -> None:
        known = {each.id for each in self.state.figures.waiting}
        room = CORRECTIONS_WAITING_MAX - sum(each.moment in self.said for each in self.state.figures.waiting)
        for record, event in corrections:
            if event.moment not in self.said or event.id in known:
                continue
            if room > 0:
                room -= 1
                known.add(event.id)
            else:
                self.said[event.moment].pop(event.id, None)
                told = f"moment {event.moment} has not come, and {CORRECTIONS_WAITING_MAX} corrections wait already"
                self.refused.append((record, Rejected(Reason.CANNOT_CORRECT, told)))

    def _route(self, moment: Moment, record: Record) -> None:
        if alert := route(moment, self.figures, self.state.cases, arrival(record), self.policy):
            self.outbox[alert.id] = _send_alert(alert)

    def decided(self) -> Decided:
        """Answer what all of it comes to."""
        state, moved_to = self.state, self.moved_to
        # Of a person that nobody has written yet, nothing is kept that would have to follow.
        moves_to = moved_to if self.merged and (state.version or self.entries) else None
        if moved_to is not None:
            # What waits goes along; it stays here, too, until it has arrived.
            figures = Figures(waiting=tuple(each for each in state.figures.waiting if each.moment in self.said))
            same = moved_to == state.moved_to
        else:
            figures = self.figures
            if self.said or figures.waiting:
                left = [each for several in self.said.values() for each in several.values()]
                figures = figures._replace(waiting=tuple(sorted(left, key=lambda each: (each.moment, each.order))))
            same = not self.corrected and figures.waiting == state.figures.waiting
        if same and not self.entries:
            return Decided(None, self.forwards, moves_to, self.refused)
        change = Change(
            self.person, state.version, figures, self.entries, self.outbox, moved_to, corrected=self.corrected
        )
        return Decided(change, self.forwards, moves_to, self.refused)


def moved(moment: Moment, person: str, into: str) -> list[Send]:
    """Answer what takes a moment of ``person`` to ``into``: its corrections, and then itself as it was read.

    A moment that moved was answered where it was, and so is what was corrected about it there.
    """
    before = (*(moment.moved_before or ()), moment.moved_from) if moment.moved_from else None
    update: dict[str, Any] = {"person": into, "moved_from": person}
    sends = [send_correction(each.model_copy(update=update)) for each in moment.corrections or ()]
    update |= {"moved_before": before}
    if moment.read is not None:
        update |= {"reading": moment.read, "read": None, "corrections": None}
    return [*sends, send_moment(moment.model_copy(update=update))]


def _asking(moment: Moment, said: Mapping[str, Correction]) -> Moment:
    """Answer ``moment`` as it is to be routed: where it moved it was routed before, but not for what is new."""
    latest = said.get(moment.corrections[-1].id) if moment.corrections else None
    return moment if latest is None or latest.moved_from else moment.model_copy(update={"moved_from": None})


def _body(moment: Moment) -> bytes:
    return moment.__pydantic_serializer__.to_json(moment, exclude_none=True)


def send_correction(correction: Correction) -> Send:
    """Answer ``correction`` as a record of topic ``moments``, on the partition of its person."""
    return Send(
        "moments",
        correction.person.encode(),
        correction.model_dump_json(exclude_none=True).encode(),
        seal("reading.corrected", correction.id, "/heartline/correct", correction.at.isoformat(), correction.person),
    )


def _send_alert(alert: Alert) -> Send:
    return Send(
        f"alerts.{alert.team}",
        alert.person.encode(),
        alert.__pydantic_serializer__.to_json(alert, exclude_none=True),
        seal("alert.raised", alert.id, "/heartline/route", alert.raised_at.isoformat(), alert.person),
    )
