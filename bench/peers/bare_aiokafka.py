"""The job as hand-written aiokafka loops: batches, pipelined Redis, gathered sends, offsets committed last.

Run with ``python -m bench.peers.bare_aiokafka``: three loops in one process, each with a consumer of its own.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from redis.asyncio import Redis

from bench.peers import job
from pipeline.domain.cases import Case, join, open_case
from pipeline.domain.events import Alert, Moment

BATCH_EVENTS_MAX = 1_000
WAIT_MS = 200

Sent = tuple[str, bytes, bytes]
Work = Callable[[Sequence[ConsumerRecord]], Awaitable[list[Sent]]]


class Job:
    """The three steps, each for a batch; they answer what to send."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._remember = redis.register_script(job.REMEMBER)
        self._read = job.reader()

    async def read_and_stitch(self, records: Sequence[ConsumerRecord]) -> list[Sent]:
        """From feedback to moments."""
        said = [job.parse_feedback(dict(record.headers), record.value) for record in records]
        readings = [self._read(feedback.text) for feedback in said]
        handles = [job.handles_of(feedback) for feedback in said]
        wanted = list({handle for several in handles for handle in several})
        found = await self._redis.hmget(job.HANDLES, wanted) if wanted else []
        known = {handle: person and person.decode() for handle, person in zip(wanted, found, strict=True)}
        links: dict[str, str] = {}
        sends = []
        for record, feedback, reading, several in zip(records, said, readings, handles, strict=True):
            person, new = job.person_of(feedback, several, [known[handle] for handle in several])
            known.update(new)
            links.update(new)
            moment = job.moment_of(feedback, reading, person, record.timestamp)
            sends.append(("moments", person.encode(), job.as_json(moment)))
        if links:
            await self._redis.hset(job.HANDLES, mapping=links)
        return sends

    async def remember_and_route(self, records: Sequence[ConsumerRecord]) -> list[Sent]:
        """From moments to alerts."""
        moments = [Moment.model_validate_json(record.value) for record in records]
        async with self._redis.pipeline(transaction=False) as pipe:
            for moment, record in zip(moments, records, strict=True):
                keys, arguments = job.remembering(moment, record.value)
                await self._remember(keys=keys, args=arguments, client=pipe)
            totals = await pipe.execute()
        alerts = [job.alert_of(moment, told) for moment, told in zip(moments, totals, strict=True)]
        return [(f"alerts.{alert.team}", alert.person.encode(), job.as_json(alert)) for alert in alerts if alert]

    async def open_cases(self, records: Sequence[ConsumerRecord]) -> list[Sent]:
        """From alerts to cases."""
        alerts = [alert for alert in (Alert.model_validate_json(r.value) for r in records) if alert.opens_case]
        places = list(dict.fromkeys((f"cases:{alert.person}", alert.touchpoint) for alert in alerts))
        async with self._redis.pipeline(transaction=False) as pipe:
            for key, touchpoint in places:
                pipe.hget(key, touchpoint)
            kept = await pipe.execute()
        cases = {place: Case.model_validate_json(body) for place, body in zip(places, kept, strict=True) if body}
        for alert in alerts:
            place = (f"cases:{alert.person}", alert.touchpoint)
            cases[place] = join(cases[place], alert) if place in cases else open_case(alert)
        bodies = {place: cases[place].model_dump_json() for place in places}
        async with self._redis.pipeline(transaction=False) as pipe:
            for (key, touchpoint), body in bodies.items():
                pipe.hset(key, touchpoint, body)
            await pipe.execute()
        return [("cases", cases[place].id.encode(), body.encode()) for place, body in bodies.items()]


async def loop(name: str, topics: Sequence[str], work: Work, producer: AIOKafkaProducer) -> None:
    """Read, work, send, have it confirmed, commit; for ever."""
    consumer = AIOKafkaConsumer(
        *(job.PREFIX + topic for topic in topics),
        bootstrap_servers=job.KAFKA,
        group_id=f"{job.PREFIX}{name}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=round(job.SESSION_SECONDS * 1000),
    )
    await consumer.start()
    try:
        while True:
            found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=BATCH_EVENTS_MAX)
            records = [record for several in found.values() for record in several]
            if not records:
                continue
            sends = await work(records)
            futures = [await producer.send(job.PREFIX + topic, value, key=key) for topic, key, value in sends]
            await asyncio.gather(*futures)
            await consumer.commit()
    finally:
        await consumer.stop()


async def main() -> None:
    """Run the three loops until SIGTERM."""
    redis = Redis.from_url(job.REDIS)
    producer = AIOKafkaProducer(bootstrap_servers=job.KAFKA, acks="all", enable_idempotence=True)
    await producer.start()
    steps = Job(redis)
    loops = [
        asyncio.create_task(loop("feedback", ["feedback"], steps.read_and_stitch, producer)),
        asyncio.create_task(loop("moments", ["moments"], steps.remember_and_route, producer)),
        asyncio.create_task(loop("alerts", [f"alerts.{team}" for team in job.TEAMS], steps.open_cases, producer)),
    ]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: [each.cancel() for each in loops])
    try:
        await asyncio.gather(*loops)
    except asyncio.CancelledError:
        await asyncio.gather(*loops, return_exceptions=True)
    finally:
        await producer.stop()
        await redis.aclose()


if __name__ == "__main__":
    uvloop.run(main())
