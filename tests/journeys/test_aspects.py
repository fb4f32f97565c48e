"""What people speak about, from the feedback to the team that can mend it, whatever the channel knew."""

from pipeline.domain.policy import parse_policy
from tests.makers import POLICY_TEXT, World, said, world

TEXT = "The invoice has me frustrated again! I am happy with the staff."
ANA = {"email": "ana@example.com"}


async def carried(here: World, *texts: str, touchpoint: str | None = None) -> World:
    """Publish each text as of the same person, and carry until nothing is left."""
    await here.publish(*(said(n, text, ANA, touchpoint=touchpoint) for n, text in enumerate(texts)))
    await here.run()
    return here


async def test_a_hurt_finds_its_team() -> None:
    """A feedback without touchpoint reaches the team whose topic hurts, as alert and as case, with the topics told."""
    here = await carried(world(), TEXT)
    [moment] = here.values("moments")
    assert moment["reading"]["topics"] == ["billing", "staff"]
    assert {span.get("topic") for span in moment["reading"]["spans"]} >= {"billing", "staff"}
    [alert] = here.values("alerts.billing")
    assert (alert["touchpoint"], alert["why"]["topics"]) == ("billing", ["billing", "staff"])
    [case] = here.values("cases")
    assert (case["touchpoint"], case["team"]) == ("billing", "billing")
    assert here.values("rejects") == []


async def test_the_touchpoint_of_the_channel_wins() -> None:
    """Where the channel says where it was, the alert goes there, whatever the words are about."""
    here = await carried(world(), TEXT, touchpoint="app")
    [alert] = here.values("alerts.digital")
    assert (alert["touchpoint"], alert["why"]["topics"]) == ("app", ["billing", "staff"])
    assert here.values("alerts.billing") == []


async def test_again_the_same() -> None:
    """Published twice, the feedback raises one alert of the same id, and one case."""
    once, twice = await carried(world(), TEXT), await carried(world(), TEXT)
    await carried(twice, TEXT)
    assert len(twice.values("alerts.billing")) == 1
    assert twice.values("alerts.billing")[0]["id"] == once.values("alerts.billing")[0]["id"]
    assert len({case["id"] for case in twice.values("cases")}) == 1


async def test_a_topic_and_a_rule_of_ones_own() -> None:
    """A topic that a business adds, with a rule about it, raises its alert for its team."""
    rule = '[[rules]]\nname = "cold"\nclusters = ["destroyers"]\ntopics = ["boiler"]\nteam = "product"\n\n'
    text = POLICY_TEXT.replace("[[rules]]", rule + "[[rules]]", 1) + '\n[topics.boiler]\nwords = ["boiler"]\n'
    here = await carried(world(parse_policy(text)), "frustrated with the boilers", "frustrated with the invoice")
    [alert] = here.values("alerts.product")
    assert (alert["rule"], alert["why"]["topics"]) == ("cold", ["boiler"])
    [other] = here.values("alerts.billing")
    assert other["rule"] != "cold"
