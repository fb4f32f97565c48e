"""The Faust app of a worker: one consumer group, one agent a topic."""

from collections.abc import Collection
from pathlib import Path
from tempfile import gettempdir
from typing import cast

import faust

from agents import alerts, feedback, moments
from agents.carrier import Carrier
from agents.driver import Consumer, app_options
from pipeline.compose import House
from pipeline.flow import TOPICS
from pipeline.settings import Settings

TOPIC = {topic.name: topic for topic in TOPICS}
AGENTS = {"feedback": feedback.listen, "moments": moments.listen, "alerts": alerts.listen}


def create_app(
    settings: Settings, house: House, only: Collection[str] = (), known_as: str | None = None
) -> tuple[faust.App, Carrier]:
    """Answer an app and the carrier that its agents carry with.

    ``only`` names the agents to run (none: all), ``known_as`` is its name in the group.
    """
    app = faust.App(
        settings.group,
        **app_options(settings.kafka, session_seconds=settings.session_seconds, consumer_group_instance_id=known_as),
        # Faust makes this folder at every start; without tables nothing is ever put there.
        datadir=str(Path(gettempdir()) / "heartline-faust"),
    )

    def alive() -> None:
        cast("Consumer", app.consumer).progress.touch()

    carrier = Carrier(
        house.doors,
        house.stores.attempts,
        settings.prefix,
        settings.retry_seconds,
        alive=alive,
        alone=("feedback",) if getattr(house.doors.reader, "remote", False) else (),
    )
    topics = {"feedback": ["feedback"], "moments": ["moments"]}
    topics["alerts"] = [f"alerts.{team}" for team in sorted(house.doors.policy.teams)]
    for name, listen in AGENTS.items():
        if not only or name in only:
            # As many actors as partitions, so that the batches of all of them can be carried together.
            actors = sum(TOPIC[name].partitions(settings.partitions) for _ in topics[name])
            listen(app, [settings.topic(topic) for topic in topics[name]], carrier, actors)
    return app, carrier
