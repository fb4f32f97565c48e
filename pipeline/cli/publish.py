"""``heartline publish``: feedback from a file or a pipe to its topic."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.cli.rows import Row
    from pipeline.domain.errors import Rejected
    from pipeline.ports import Bus, Clock, Send

KINDS_MAX = 50  # of refusals that are told apart
RETRY_SECONDS_MAX = 30.0  # a broker that does not answer is waited for
STEPS_PER_SECOND = 20  # in which --rate is kept


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(publish)


async def publish(
    place: Place,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="NDJSON or CSV; - is standard input.")],
    *,
    map_: Annotated[
        str | None, typer.Option("--map", metavar="FILE|NAME", help="Column map: a TOML file, or one that ships.")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="ndjson|csv", help="Default: by the ending of the name.")
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option("--ledger", metavar="FILE", help="Append what was sent and confirmed; `verify` reads it."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.1, help="Events a second; default: as fast as can be.")
    ] = None,
) -> int:
    """Publish what people said, one feedback a line; what can never be good is refused with its line and reason.

    A line is the data of a feedback (channel and text are needed; id, at, touchpoint, handles, answers are wanted) or
    a CloudEvent. Other columns need a map: those that ship are reviews, survey and feedback. An event that is
    published twice counts once. Exit code 1 if any line was refused; the others are out.

    \b
    echo '{"channel": "chat", "text": "Love it!", "handles": {"email": "a@b.org"}}' | heartline publish -
    heartline publish answers.csv --map survey
    heartline publish reviews.ndjson --map reviews --rate 500
    """
    from pipeline.buses.kafka import KafkaBus
    from pipeline.cli.doors import demand_topics
    from pipeline.cli.maps import load_map
    from pipeline.cli.progress import progress
    from pipeline.cli.rows import form_of, rows
    from pipeline.clocks import SystemClock
    from pipeline.compose import load_policy

    _check(file)
    kind = form_of(file, form)
    given = load_map(map_ or "feedback") if map_ or kind == "csv" else None
    region = load_policy(place.settings).phone_region
    clock = SystemClock()
    await demand_topics(place.settings, ["feedback"])
    pace = f" at {rate:g}/s" if rate else ""
    with _ledger(ledger) as book, progress(place, [file], "events", pace) as moved:
        async with KafkaBus(place.settings) as bus:
            press = Press(bus, clock, region, book, rate)
            async for several in rows(file, kind, given):
                await press.take(several)
                moved(sum(row.size for row in several), press.accepted + press.refused)
            await press.settle()
    _tell(place, press)
    return 1 if press.refused else 0


def _check(file: str) -> None:
    """Raise Misconfigured where there is nothing to publish, before anything is asked of a broker."""
    from pipeline.domain.errors import Misconfigured

    if file != "-" and not Path(file).exists():
        raise Misconfigured(f"{file} cannot be read: there is no such file")


@dataclass(slots=True)
class Press:
    """Publishes rows and counts what becomes of them. ``book`` is the ledger; ``rate`` in events a second."""

    bus: "Bus"
    clock: "Clock"
    region: str
    book: IO[bytes] | None = None
    rate: float | None = None
    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    kinds: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _due: float | None = None
    _sending: "asyncio.Task[None] | None" = None

    async def take(self, several: "Sequence[Row]") -> None:
        """Publish these rows; return when those before are confirmed. Raises Unavailable, Misconfigured."""
        from pipeline.client import prepare
        from pipeline.domain.errors import Rejected

        started = self.clock.seconds()
        sends: list[Send] = []
        names: list[tuple[str, str]] = []
        for row in several:
            if row.data is None:
                self._refuse(row, row.why)
                continue
            try:
                feedback, send = prepare(row.data, self.clock, self.region)
            except Rejected as why:
                self._refuse(row, why)
                continue
            sends.append(send)
            names.append((feedback.id, feedback.source))
        size = len(sends) if self.rate is None else max(1, int(self.rate / STEPS_PER_SECOND))
        for start in range(0, len(sends), size or 1):
            await self._pace(min(size, len(sends) - start))
            await self.settle()
            # While the broker confirms, the next rows are made ready.
            self._sending = asyncio.create_task(self._send(sends[start : start + size], names[start : start + size]))
            await asyncio.sleep(0)
        self.seconds += self.clock.seconds() - started

    async def settle(self) -> None:
        """Wait until everything taken is confirmed. Raises Unavailable, Misconfigured."""
        if self._sending is not None:
            started = self.clock.seconds()
            sending, self._sending = self._sending, None
            await sending
            self.seconds += self.clock.seconds() - started

    async def _pace(self, events: int) -> None:
        if self.rate is None:
            return
        now = self.clock.seconds()
        due = max(self._due or now, now - 1.0)
        if due > now:
            await self.clock.sleep(due - now)
        self._due = due + events / self.rate

    async def _send(self, sends: "Sequence[Send]", names: "Sequence[tuple[str, str]]") -> None:
        from pipeline.domain.errors import Unavailable

        self._write("info", names)
        started, pause = self.clock.seconds(), 0.2
        while True:
            try:
                await self.bus.send(sends)
                break
            except Unavailable as shut:
                if self.clock.seconds() - started > RETRY_SECONDS_MAX:
                    raise Unavailable(
                        f"{shut}; {self.accepted} events are confirmed, run the same command again for the rest "
                        "(what is out already counts once)"
                    ) from shut
                await self.clock.sleep(pause)
                pause = min(2 * pause, 5.0)
        self._write("ok", names)
        self.accepted += len(sends)

    def _refuse(self, row: "Row", why: "Rejected | None") -> None:
        import orjson

        reason, detail = (str(why.reason), why.detail) if why else ("schema", "")
        self.refused += 1
        kind = (reason, detail)
        if kind not in self.kinds and len(self.kinds) >= KINDS_MAX:
            kind = ("others", f"more than {KINDS_MAX} kinds")
        seen = self.kinds.setdefault(kind, [0, row.line])
        seen[0] += 1
        data = row.data or {}
        if self.book is not None and isinstance(data.get("id"), str):
            source = data.get("source") or f"/channels/{data.get('channel', 'unknown')}"
            told = {"id": data["id"], "source": str(source), "state": "fail", "line": row.line, "reason": reason}
            self.book.write(orjson.dumps(told) + b"\n")

    def _write(self, state: str, names: "Sequence[tuple[str, str]]") -> None:
        import orjson

        if self.book is None:
            return
        self.book.write(
            b"".join(orjson.dumps({"id": name, "source": source, "state": state}) + b"\n" for name, source in names)
        )
        self.book.flush()

    def told(self) -> dict[str, Any]:
        """Answer the counts as plain values."""
        done = self.accepted + self.refused
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "seconds": round(self.seconds, 3),
            "events_per_second": round(done / self.seconds) if self.seconds else None,
            "reasons": [
                {"reason": reason, "detail": detail, "count": count, "first_line": line}
                for (reason, detail), (count, line) in sorted(self.kinds.items(), key=lambda one: -one[1][0])
            ],
        }


@contextmanager
def _ledger(path: str | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    from pipeline.domain.errors import Misconfigured

    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("ab"))
        except OSError as error:
            raise Misconfigured(f"ledger {path} cannot be written: {error.strerror}") from error
        yield file


def _tell(place: Place, press: Press) -> None:
    from pipeline.cli import show

    told = press.told()
    if place.json:
        show.emit(told)
    else:
        from rich.table import Table
        from rich.text import Text

        out = show.console()
        speed = f" in {press.seconds:.1f} s, {told['events_per_second'] or 0:,} a second" if press.seconds else ""
        out.print(Text.assemble(("✓ ", "#5fd787"), f"{press.accepted:,} published{speed}"))
        if press.refused:
            out.print(Text.assemble(("✗ ", "#ff6b6b"), f"{press.refused:,} refused"))
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), header_style="dim")
            for heading in ("count", "first line", "reason", "detail"):
                table.add_column(heading, justify="right" if heading in {"count", "first line"} else "left")
            for each in told["reasons"]:
                table.add_row(
                    f"{each['count']:,}", str(each["first_line"]), each["reason"], show.excerpt(each["detail"], 300)
                )
            out.print(table)
    if press.refused:
        done = press.accepted + press.refused
        show.complain(f"{press.refused} of {done} lines were refused; mend them and publish them again")
