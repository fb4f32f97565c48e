"""The job in stock Faust, as its guide teaches: an agent a topic, ``async for``, one event after the other.

Run with ``python -m bench.peers.stock_faust worker``. Deliveries are awaited, because an alert that is merely
scheduled is lost in a crash; everything else is Faust's default.
"""

import faust
from redis.asyncio import Redis

from bench.peers import job
from pipeline.domain.cases import Case, join, open_case
from pipeline.domain.events import Alert, Moment

app = faust.App(
    f"{job.PREFIX}faust",
    broker=f"kafka://{job.KAFKA}",
    key_serializer="raw",
    value_serializer="raw",
    consumer_auto_offset_reset="earliest",
    producer_acks=-1,
    topic_partitions=8,
    broker_session_timeout=job.SESSION_SECONDS,
    web_enabled=False,
)
feedback = app.topic(f"{job.PREFIX}feedback", value_type=bytes)
moments = app.topic(f"{job.PREFIX}moments", value_type=bytes)
cases = app.topic(f"{job.PREFIX}cases", value_type=bytes)
team_alerts = {team: app.topic(f"{job.PREFIX}alerts.{team}", value_type=bytes) for team in job.TEAMS}
all_alerts = app.topic(*(f"{job.PREFIX}alerts.{team}" for team in job.TEAMS), value_type=bytes)

redis = Redis.from_url(job.REDIS)
remember = redis.register_script(job.REMEMBER)
read = job.reader()


@app.agent(feedback)
async def read_and_stitch(stream: faust.StreamT) -> None:
    """Read the emotion, find the person, send the moment on."""
    async for event in stream.events():
        said = job.parse_feedback(event.headers, event.value)
        reading = read(said.text)
        handles = job.handles_of(said)
        known = [p and p.decode() for p in await redis.hmget(job.HANDLES, handles)] if handles else []
        person, links = job.person_of(said, handles, known)
        if links:
            await redis.hset(job.HANDLES, mapping=links)
        moment = job.moment_of(said, reading, person, round(event.message.timestamp * 1000))
        await (await moments.send(key=person.encode(), value=job.as_json(moment)))


@app.agent(moments)
async def remember_and_route(stream: faust.StreamT) -> None:
    """Remember the moment once, raise the alert that the policy asks for."""
    async for event in stream.events():
        moment = Moment.model_validate_json(event.value)
        keys, arguments = job.remembering(moment, event.value)
        totals = await remember(keys=keys, args=arguments)
        alert = job.alert_of(moment, totals)
        if alert:
            await (await team_alerts[alert.team].send(key=alert.person.encode(), value=job.as_json(alert)))


@app.agent(all_alerts)
async def open_cases(stream: faust.StreamT) -> None:
    """Open the case of the alert, or let it join the open one."""
    async for event in stream.events():
        alert = Alert.model_validate_json(event.value)
        if not alert.opens_case:
            continue
        key = f"cases:{alert.person}"
        kept = await redis.hget(key, alert.touchpoint)
        case = join(Case.model_validate_json(kept), alert) if kept else open_case(alert)
        body = case.model_dump_json()
        await redis.hset(key, alert.touchpoint, body)
        await (await cases.send(key=case.id.encode(), value=body.encode()))


if __name__ == "__main__":
    app.main()
