"""The commands on real servers with a real worker: publish, watch, timeline, cases, rejects, doctor, status."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import Client
from pipeline.cli.crew import environment_of, worker_command
from pipeline.embedded.server import Server
from pipeline.settings import Settings

pytestmark = pytest.mark.service
SECONDS_MAX = 60.0
ANGRY = {
    "id": "a1",
    "at": "2026-09-01T10:00:00Z",
    "channel": "call",
    "touchpoint": "invoice",
    "text": "Third time I explain this, nobody calls back and I am absolutely furious!",
    "handles": {"email": "Ana@example.com", "customer_id": "C-1"},
}
GLAD = {
    "id": "a2",
    "at": "2026-09-01T11:00:00Z",
    "channel": "chat",
    "text": "Thank you, I am so happy now",
    "handles": {"email": "ana@example.com"},
}


class Heartline:
    """The command line against servers of its own prefix."""

    def __init__(self, settings: Settings, environment: dict[str, str], folder: Path) -> None:
        self.settings = settings
        self.environment = environment
        self.folder = folder

    def run(self, *words: str, given: bytes = b"", code: int = 0) -> list[Any]:
        """Run a command and answer its lines of JSON."""
        told = subprocess.run(
            [sys.executable, "-m", "pipeline", *words],
            env=self.environment,
            input=given,
            capture_output=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        assert told.returncode == code, (told.stdout, told.stderr)
        return [json.loads(line) for line in told.stdout.splitlines()]

    def until_done(self) -> None:
        """Wait until the workers have worked on everything."""
        end = time.monotonic() + SECONDS_MAX
        while self.run("status")[-1]["lag"]:
            assert time.monotonic() < end, "the workers do not keep up"


@pytest.fixture(scope="module")
def heartline(tansu: Server, valkey: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heartline]:
    """Topics of a prefix of their own and one worker on them."""
    folder = tmp_path_factory.mktemp("commands")
    settings = Settings(
        kafka=tansu.address,
        redis=f"redis://{valkey.address}/0",
        prefix="commands-",
        redis_prefix="commands",
        group="commands",
        idempotence="off",
        session_seconds=6.0,
        partitions=4,
    )
    environment = {**environment_of(settings), "XDG_STATE_HOME": str(folder)}
    here = Heartline(settings, environment, folder)
    assert all(state["made"] for state in here.run("topics", "apply"))
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(worker_command(), env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            end = time.monotonic() + SECONDS_MAX
            while b"heartline ready:" not in (folder / "worker.log").read_bytes():
                assert worker.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            yield here
        finally:
            worker.terminate()
            assert worker.wait(timeout=60) == 0


def lines(*several: object) -> bytes:
    """Answer values as NDJSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in several)


def test_topics(heartline: Heartline) -> None:
    """Applied twice, nothing is made; listed, everything is as it has to be."""
    assert not any(state["made"] or state["ailments"] for state in heartline.run("topics", "apply"))
    names = {state["name"] for state in heartline.run("topics", "list")}
    assert {"commands-feedback", "commands-alerts.billing", "commands-rejects"} <= names


def test_from_publish_to_timeline(heartline: Heartline, tmp_path: Path) -> None:
    """What is published is on the timeline of its person, raises its alert and opens its case; a bad line is told."""
    ledger = tmp_path / "ledger"
    words = ("publish", "-", "--ledger", str(ledger))
    [told] = heartline.run(*words, given=lines(ANGRY, GLAD, {"id": "a3", "text": "no channel"}), code=1)
    assert (told["accepted"], told["refused"]) == (2, 1)
    assert told["reasons"][0]["first_line"] == 3
    states = [json.loads(line)["state"] for line in ledger.read_bytes().splitlines()]
    assert (states.count("info"), states.count("ok"), states.count("fail")) == (2, 2, 1)
    heartline.until_done()
    [alert] = heartline.run("watch", "alerts", "--from-start", "--limit", "1", "--team", "billing")
    assert alert["touchpoint"] == "billing"
    moments = heartline.run("watch", "moments", "--from-start", "--limit", "3")
    # Beside the moments there is a merge: the address and the customer id prove to be one person.
    assert {moment["feedback"]["id"] for moment in moments if "feedback" in moment} <= {"a1", "a2"}
    assert len(moments) == 3
    [case] = heartline.run("cases", "--team", "billing")
    assert case["alerts"] == [alert["id"]]
    for who in ("ana@example.com", "customer_id:C-1", alert["person"], alert["person"][:10]):
        [timeline] = heartline.run("timeline", who)
        assert (timeline["moments"], timeline["positive"], timeline["negative"]) == (2, 1, 1)
        assert [moment["feedback"]["id"] for moment in timeline["timeline"]] == ["a1", "a2"]
        assert timeline["cases"][0]["id"] == case["id"]
    heartline.run("publish", "-", given=lines(ANGRY, GLAD))
    heartline.until_done()
    assert heartline.run("timeline", "ana@example.com")[0]["moments"] == 2


def test_a_correction(heartline: Heartline) -> None:
    """A reading that is corrected is so on the timeline, with what was read, and comes out as a label."""
    heartline.run("publish", "-", given=lines({**GLAD, "id": "a4", "handles": {"email": "cy@example.com"}}))
    heartline.until_done()
    words = ("--primary", "disappointed:2", "--valence", "-1", "--note", "irony")
    heartline.run("correct", "cy@example.com", "--by", "ben", *words, code=2)
    [told] = heartline.run("correct", "cy@example.com", "--last", "--by", "ben", *words)
    asyncio.run(_client_corrects(heartline.settings, told["moment"], told["person"]))
    heartline.until_done()
    [after] = heartline.run("timeline", "cy@example.com")
    assert (after["moments"], after["positive"], after["negative"]) == (1, 0, 1)
    [entry] = after["timeline"]
    assert (entry["reading"]["reader"], entry["reading"]["valence"], entry["reading"]["effort"]) == (
        "human/ana", -1.0, "high"
    )  # fmt: skip
    assert entry["read"]["primary"] in {"happy", "pleased"}
    assert [(each["by"], each.get("note")) for each in entry["corrections"]] == [("ben", "irony"), ("ana", None)]
    [label] = heartline.run("corrections", "export", "--since", told["at"])
    assert (label["id"], label["text"], label["primary"]) == (told["moment"], GLAD["text"], "neglected")
    assert (label["valence"], label["by"]) == (-2, "ana")


async def _client_corrects(settings: Settings, moment: str, person: str) -> None:
    said = {"emotions": {"neglected": 3}, "primary": "neglected", "valence": -2, "effort": "high"}
    async with Client(settings) as client:
        await client.correct({"moment": moment, "person": person, "by": "ana", **said})


def test_nobody(heartline: Heartline) -> None:
    """Somebody who is not known is exit code 1."""
    assert heartline.run("timeline", "nobody@example.com", code=1) == []


def test_rejects(heartline: Heartline) -> None:
    """A reject is listed with reason and origin, and goes back once however often it is replayed, or again if asked."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": heartline.settings.kafka})
    producer.produce("commands-feedback", b"\x1b[31mnot json", key=b"k", headers=[("x", b"1")])
    assert producer.flush(30) == 0
    heartline.until_done()
    [told] = heartline.run("rejects", "list", "--reason", "invalid_json")
    assert told["origin"]["topic"] == "commands-feedback"
    assert told["bytes"] == 13
    assert heartline.run("rejects", "list", "--reason", "too_large") == []
    for replayed, before in ((1, 0), (0, 1)):
        [counts] = heartline.run("rejects", "replay")
        assert (counts["replayed"], counts["replayed_before"]) == (replayed, before)
        heartline.until_done()
    assert len(heartline.run("rejects", "list")) == 2
    [counts] = heartline.run("rejects", "replay", "--all")
    assert counts["replayed"] == 1
    heartline.until_done()
    assert len(heartline.run("rejects", "list")) == 3


def test_aspects(heartline: Heartline) -> None:
    """Over a running house, every moment counts once, with the topics that the policy has now."""
    heartline.run("publish", "-", given=lines(ANGRY, GLAD))
    heartline.until_done()
    [told] = heartline.run("aspects", "--from-start")
    [before] = heartline.run(
        "aspects", "-", given=lines({"id": 1, "text": ANGRY["text"]}, {"id": 2, "text": GLAD["text"]})
    )
    topics = {row["topic"]: row["n"] for row in told["topics"]}
    assert told["texts"] >= 2
    assert topics["call_centre"] >= 1
    assert {row["topic"] for row in before["topics"]} <= topics.keys()
    heartline.run("publish", "-", given=lines(ANGRY))
    heartline.until_done()
    assert heartline.run("aspects", "--from-start") == [told]


def test_doctor(heartline: Heartline) -> None:
    """A healthy house is told to be; one whose topics are missing is told with the command that makes them."""
    [told] = heartline.run("doctor")
    assert told["healthy"]
    assert {finding["what"] for finding in told["findings"]} >= {
        "settings",
        "policy",
        "Kafka",
        "topics",
        "Redis",
        "workers",
    }
    [told] = heartline.run("doctor", "--prefix", "elsewhere-", code=1)
    assert any(finding["mend"] == "heartline topics apply" for finding in told["findings"])


def test_status(heartline: Heartline) -> None:
    """Status tells lag, and for every topic of a living worker how old its events were."""
    [told] = heartline.run("status")
    assert told["topics"]["feedback"]["end"] >= 1
    [worker] = told["workers"]
    assert worker["topics"]["feedback"]["age_ms"]["p99"] > 0


def test_no_topics(heartline: Heartline) -> None:
    """Topics that do not exist are not made by asking for them: exit code 2."""
    heartline.run("publish", "-", "--prefix", "elsewhere-", given=lines(GLAD), code=2)
    heartline.run("watch", "alerts", "--prefix", "elsewhere-", code=2)
