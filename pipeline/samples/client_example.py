"""Publish what somebody said, wait for the alert of the team that must answer, read the person's timeline.

Run it beside `heartline up`: ``python -m pipeline.samples.client_example``
"""

import asyncio
import sys

from pipeline import Alert, Client

SAID = {
    "channel": "chat",
    "touchpoint": "billing",
    "handles": {"email": "ana@example.com"},
    "text": "Third time I explain this: the invoice is wrong again and nobody calls back. I feel ignored.",
}


async def main() -> None:
    """Go once around the loop."""
    async with Client() as heartline:
        feedback = await heartline.publish(SAID)
        alert = await first_alert(heartline, "billing")
        told = await heartline.timeline("ana@example.com")
    sys.stdout.write(f"published {feedback}\n")
    sys.stdout.write(f"alert     {alert.team}: {alert.why.primary}, {alert.severity}, answer by {alert.respond_by}\n")
    if told is not None:
        sys.stdout.write(f"timeline  {told.person}: {told.figures.moments} moments, {len(told.cases)} open cases\n")


async def first_alert(heartline: Client, team: str) -> Alert:
    """Answer the first alert of Ana; without a group everybody hears everything, here from the start."""
    async for alert in heartline.alerts(team, start="earliest"):
        if any(handle.value == "ana@example.com" for handle in alert.handles):
            return alert
    raise AssertionError("a subscription does not end")


if __name__ == "__main__":
    asyncio.run(main())
