"""The Faust app of a worker: one consumer group, one agent a topic."""

from collections.abc import Collection

import faust

from agents import alerts, feedback, moments
from agents.carrier import Carrier
from agents.driver import app_options
from pipeline.compose import House
from pipeline.settings import Settings

AGENTS = {"feedback": feedback.listen, "moments": moments.listen, "alerts": alerts.listen}


def create_app(settings: Settings, house: House, only: Collection[str] = ()) -> faust.App:
    """Answer an app whose agents carry through ``house``; ``only`` names the agents to run (none: all)."""
    app = faust.App(
        settings.group,
        **app_options(
            settings.kafka,
            session_seconds=settings.session_seconds,
            rebalance_seconds=max(4.0, settings.session_seconds),
        ),
    )
    carrier = Carrier(house.doors, house.stores.attempts, settings.prefix, settings.retry_seconds)
    topics = {"feedback": ["feedback"], "moments": ["moments"]}
    topics["alerts"] = [f"alerts.{team}" for team in sorted(house.doors.policy.teams)]
    for name, listen in AGENTS.items():
        if not only or name in only:
            listen(app, [settings.topic(topic) for topic in topics[name]], carrier)
    return app
