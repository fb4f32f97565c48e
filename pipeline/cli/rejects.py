"""``heartline rejects``: what could never be good, why, and a way back once the reason is mended."""

import sys
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from pipeline.domain.envelope import Record
    from pipeline.settings import Settings

HEAD_BYTES = 60
BATCH_EVENTS = 500
REPLAYED = "reject-replayed"
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="REASON", help="Only those of this reason.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    rejects = typer.Typer(help="Look at what was rejected, and send it again once it is mended.", no_args_is_help=True)
    command(rejects, "list")(list_)
    command(rejects)(replay)
    app.add_typer(rejects, name="rejects")


class Kept(NamedTuple):
    """A reject: where the record came from, why it was rejected, and the record as it was."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def content(self) -> str:
        """A digest of what a replay sends: the same bytes rejected once more are the same reject."""
        digest = blake2b(digest_size=16)
        for part in (self.topic.encode(), self.key, self.value):
            digest.update(b"-" if part is None else b"%d:" % len(part) + part)
        for name, value in self.headers:
            digest.update(b"%d:" % len(name.encode()) + name.encode() + b"%d:" % len(value) + value)
        return digest.hexdigest()


def kept(record: "Record") -> Kept:
    """Answer the reject that a record of topic ``rejects`` keeps."""
    told = {name: value.decode(errors="replace") for name, value in record.headers if name.startswith("reject-")}
    headers = tuple((name, value) for name, value in record.headers if not name.startswith("reject-"))
    return Kept(
        told.get("reject-reason", "unknown"),
        told.get("reject-detail", ""),
        told.get("reject-topic", ""),
        _number(told.get("reject-partition")),
        _number(told.get("reject-offset")),
        _number(told.get("reject-timestamp")),
        record.key,
        record.value,
        headers,
    )


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else -1


async def _rejects(settings: "Settings", reason: str | None, limit: int | None) -> AsyncIterator[Kept]:
    from pipeline.buses.feed import whole

    left = limit
    async for record in whole(settings, ["rejects"]):
        each = kept(record)
        if reason is None or each.reason == reason:
            yield each
            if left is not None and (left := left - 1) == 0:
                return


def _check(reason: str | None) -> None:
    from pipeline.domain.errors import Misconfigured, Reason

    if reason is not None and reason not in set(Reason):
        raise Misconfigured(f"--reason {reason}: there are {', '.join(Reason)}")


async def list_(place: Place, reason: ReasonOption = None, limit: LimitOption = None) -> int:
    """Show what was rejected: reason, detail, origin, size and the beginning of the bytes.

    \b
    heartline rejects list
    heartline rejects list --reason schema --limit 20
    """
    from pipeline.cli import show

    _check(reason)
    if place.json:
        async for each in _rejects(place.settings, reason, limit):
            show.emit(_plain(each))
        return 0
    several = [each async for each in _rejects(place.settings, reason, limit)]
    _table(several)
    return 0


def _plain(each: Kept) -> dict[str, Any]:
    size = len(each.value) if each.value is not None else 0
    origin = {"topic": each.topic, "partition": each.partition, "offset": each.offset, "timestamp": each.at_ms}
    head = (each.value or b"")[:HEAD_BYTES].decode(errors="replace")
    return {"reason": each.reason, "detail": each.detail, "origin": origin, "bytes": size, "head": head}


def _table(several: Sequence[Kept]) -> None:
    from datetime import UTC, datetime

    from rich.table import Table
    from rich.text import Text

    from pipeline.cli import show

    out = show.console()
    if not several:
        out.print("nothing was rejected")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("reason", "when (UTC)", "origin", "bytes", "detail"):
        table.add_column(heading, justify="right" if heading == "bytes" else "left", no_wrap=heading == "origin")
    table.add_column("head", no_wrap=True, overflow="ellipsis", max_width=HEAD_BYTES)
    for each in several:
        at = show.when(datetime.fromtimestamp(max(0, each.at_ms) / 1000, UTC))
        head = (each.value or b"")[:HEAD_BYTES].decode(errors="replace")
        table.add_row(
            Text(show.line(each.reason), style="#ff6b6b"),
            at,
            show.line(f"{each.topic}[{each.partition}]@{each.offset}"),
            f"{len(each.value):,}" if each.value is not None else "none",
            show.excerpt(each.detail, 200),
            Text(show.line(head), style="dim"),
        )
    out.print(table)
    out.print(Text(f"{len(several):,} rejects; once the reason is mended: heartline rejects replay", style="dim"))


async def replay(
    place: Place,
    reason: ReasonOption = None,
    limit: LimitOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were sent again before.")] = False,
) -> int:
    """Send rejects again to where they came from: the same bytes and key, and a header that counts the times.

    Each is sent once, however often this runs; one that is rejected again needs --all. An event that became a moment
    after all counts once.

    \b
    heartline rejects replay --reason stage_failed
    """
    from pipeline.buses.kafka import KafkaBus
    from pipeline.cli.doors import stores

    _check(reason)
    settings = place.settings
    ledger = f"{settings.redis_prefix}:replayed"
    counts = {"replayed": 0, "replayed_before": 0, "without_origin": 0}
    async with stores(settings) as house, KafkaBus(settings) as bus:
        waiting: dict[str, Kept] = {}
        async for each in _rejects(settings, reason, None):
            if not each.topic.startswith(settings.prefix) or each.partition < 0:
                counts["without_origin"] += 1
            elif each.content not in waiting:
                waiting[each.content] = each
        for start in range(0, len(waiting), BATCH_EVENTS):
            part = list(waiting.items())[start : start + BATCH_EVENTS]
            room = None if limit is None else limit - counts["replayed"]
            await _replay(
                house.client,
                bus,
                ledger,
                part=part,
                counts=counts,
                prefix=settings.prefix,
                room=room,
                everything=everything,
            )
    _told(place, counts)
    return 0


async def _replay(
    client: "Redis",
    bus: Any,
    ledger: str,
    *,
    part: Sequence[tuple[str, Kept]],
    counts: dict[str, int],
    prefix: str,
    room: int | None,
    everything: bool,
) -> None:
    from redis.exceptions import RedisError

    from pipeline.ports import Send
    from pipeline.stores.redis.troubles import meaning

    try:
        times = await client.hmget(ledger, [name for name, _ in part])
        before = {name: int(number or 0) for (name, _), number in zip(part, times, strict=True)}
        fresh = [(name, each) for name, each in part if everything or not before[name]]
        counts["replayed_before"] += len(part) - len(fresh)
        fresh = fresh if room is None else fresh[: max(0, room)]
        await bus.send(
            [
                Send(
                    each.topic[len(prefix) :],
                    each.key,
                    each.value,
                    (*each.headers, (REPLAYED, str(before[name] + 1).encode())),
                )
                for name, each in fresh
            ]
        )
        # Marked after it is confirmed: what is sent twice counts once, what is never sent would be lost.
        if fresh:
            await client.hset(ledger, mapping={name: before[name] + 1 for name, _ in fresh})
    except RedisError as error:
        raise meaning(error) from error
    counts["replayed"] += len(fresh)


def _told(place: Place, counts: dict[str, int]) -> None:
    from pipeline.cli import show

    if place.json:
        show.emit(counts)
        return
    out = show.console()
    out.print(f"{counts['replayed']:,} sent again")
    if counts["replayed_before"]:
        out.print(f"{counts['replayed_before']:,} were sent again before; --all sends them once more")
    if counts["without_origin"]:
        out.print(f"{counts['without_origin']:,} do not say where they came from and stay where they are")
    sys.stdout.flush()
