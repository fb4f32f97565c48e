"""The documents for other languages: current, valid, and true of what is really published."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from pipeline import schemas
from pipeline.domain.envelope import NAMESPACE
from pipeline.flow import STEPS, TOPICS, TYPES
from pipeline.stages.fold import send_correction
from tests.makers import correction, record, said, world

NAMES = sorted([*(model.__name__.lower() for model in TYPES.values()), "asyncapi"])


def document(name: str) -> dict[str, Any]:
    """Answer a document as it is kept in the repository."""
    content: dict[str, Any] = json.loads((schemas.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def official(repository: Path) -> dict[str, Any]:
    """The official schema of AsyncAPI documents."""
    content: dict[str, Any] = json.loads((repository / "tests/samples/asyncapi-3.0.0.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture
async def published() -> dict[str, list[tuple[dict[str, Any], dict[str, str]]]]:
    """What a story really publishes: type → (data, headers) of each event."""
    here = world()
    await here.publish(
        said(1, "neglected", {"email": "ana@example.com"}, answers={"nps": 2}, metadata={"a": None}),
        said(2, "happy", {"phone": "020 7946 0018"}),
        said(3, "frustrated! and hurried", {"phone": "020 7946 0018", "email": "ana@example.com"}, reply_to="x"),
        said(4, "nothing", {}),
    )
    await here.run()
    told = here.values("moments")[-1]
    await here.bus.send([send_correction(correction(moment=told["id"], person=told["person"], valence=-1, note="x"))])
    await here.run()
    found: dict[str, list[tuple[dict[str, Any], dict[str, str]]]] = {}
    for place in here.bus.log.values():
        for each in place:
            headers = {name: value.decode() for name, value in each.headers}
            kind = headers["ce_type"].removeprefix(NAMESPACE).removesuffix(".v1")
            found.setdefault(kind, []).append((orjson.loads(each.value or b""), headers))
    return found


def test_every_document_is_there_and_no_other() -> None:
    """There is one document for each type of event, and the AsyncAPI document."""
    assert sorted(file.stem for file in schemas.FOLDER.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_current(name: str) -> None:
    """A document is what the models and the flow make of it; else: python -m pipeline.schemas."""
    assert (schemas.FOLDER / f"{name}.json").read_bytes() == schemas.documents()[f"{name}.json"]


def test_writing_mends_only_what_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes what is missing or old, says so, and leaves the rest alone."""
    monkeypatch.setattr(schemas, "FOLDER", tmp_path / "documents")
    schemas.main()
    assert capsys.readouterr().out.count("written: ") == len(NAMES)
    (tmp_path / "documents" / "case.json").write_text("old", encoding="utf-8")
    schemas.main()
    assert capsys.readouterr().out == "written: case.json\n"


@pytest.mark.parametrize("kind", TYPES)
def test_a_schema_is_valid_and_says_what_it_is(kind: str) -> None:
    """Each schema keeps to JSON Schema 2020-12 and has an id, a title and a description; unknown fields are allowed."""
    name = TYPES[kind].__name__
    schema = document(name.lower())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (schema["$id"], schema["title"]) == (f"urn:heartline:{name.lower()}:v1", name)
    assert schema["description"]
    assert schema["additionalProperties"] is True


@pytest.mark.parametrize("kind", TYPES)
async def test_what_is_published_keeps_to_its_schema(kind: str, published: dict[str, Any]) -> None:
    """Real events of every type are valid by their schema, and one with a field of the wrong type is not."""
    validator = Draft202012Validator(document(TYPES[kind].__name__.lower()))
    assert published[kind]
    for data, _ in published[kind]:
        validator.validate(data)
    required = validator.schema["required"]
    assert required
    for name in required:
        assert not validator.is_valid(data | {name: [object]})
        assert not validator.is_valid({key: value for key, value in data.items() if key != name})


def test_bare_feedback_and_handles_as_a_mapping_are_valid() -> None:
    """The schema of feedback allows what the flow takes: no id, source or time, and handles as a mapping."""
    validator = Draft202012Validator(document("feedback"))
    validator.validate({"channel": "chat", "text": "x", "handles": {"email": "a@b.org"}, "new": 1})
    assert not validator.is_valid({"channel": "chat"})
    assert not validator.is_valid({"channel": "chat", "text": "x", "handles": [{"kind": "email"}]})


def test_the_asyncapi_document_keeps_to_the_specification(official: dict[str, Any]) -> None:
    """The document is valid by the official schema of AsyncAPI 3.0.0, Kafka bindings included."""
    Draft7Validator(official).validate(document("asyncapi"))


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("asyncapi",), "2.6.0"),
        (("channels", "feedback", "bindings", "kafka", "partitions"), "many"),
        (("channels", "feedback", "adress"), "feedback"),
        (("operations", "feedback.receive", "action"), "eat"),
        (("components", "messages", "alert.raised", "payload", "type"), 5),
    ],
)
def test_the_official_schema_finds_mistakes(official: dict[str, Any], path: tuple[str, ...], wrong: Any) -> None:
    """A mistake anywhere in the document is found, so that the test before this one can fail."""
    broken = deepcopy(document("asyncapi"))
    place = broken
    for part in path[:-1]:
        place = place[part]
    place.pop("$ref", None)
    place[path[-1]] = wrong
    with pytest.raises(jsonschema.ValidationError):
        Draft7Validator(official).validate(broken)


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_resolves(name: str) -> None:
    """Each reference points at something inside its own document."""
    made = document(name)
    for reference in _references(made):
        assert reference.startswith("#/")
        place: Any = made
        for part in reference[2:].split("/"):
            place = place[part.replace("~1", "/").replace("~0", "~")]
        assert place


def test_the_asyncapi_document_tells_the_flow() -> None:
    """Channels are the topics with their settings, operations the steps; a message stands where it is carried."""
    made = document("asyncapi")
    assert made["channels"].keys() == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        channel = made["channels"][topic.name]
        assert set(channel["messages"]) == set(topic.carries or ["reject"])
        kafka = channel["bindings"]["kafka"]["topicConfiguration"]
        assert kafka["cleanup.policy"] == ["compact" if topic.compacted else "delete"]
        assert kafka.get("retention.ms") == (None if topic.compacted else topic.retention_ms)
        assert kafka["max.message.bytes"] == topic.message_bytes_max
    assert made["channels"]["alerts"]["address"] == "alerts.{team}"
    assert "billing" in made["channels"]["alerts"]["parameters"]["team"]["examples"]
    told = {
        (each["action"], each["channel"]["$ref"].removeprefix("#/channels/")) for each in made["operations"].values()
    }
    assert told == {("receive", step.topic) for step in STEPS} | {("send", to) for step in STEPS for to in step.sends}


@pytest.mark.parametrize("kind", TYPES)
async def test_messages_tell_headers_and_data(kind: str, published: dict[str, Any]) -> None:
    """Real events have the headers and the data that the AsyncAPI document describes."""
    made = document("asyncapi")
    message = made["components"]["messages"][kind]
    headers = made["components"]["messageTraits"]["cloudevent"]["headers"]
    payload = {**made, "$ref": message["payload"]["$ref"]}
    for data, told in published[kind]:
        Draft7Validator(headers).validate(told)
        assert told["ce_type"] == message["name"]
        Draft7Validator(payload).validate(data)
    assert not Draft7Validator(payload).is_valid({})


async def test_a_reject_tells_its_headers() -> None:
    """A real reject has the headers that the AsyncAPI document describes."""
    here = world()
    here.bus.log["feedback", 0].append(record(b"{"))
    await here.run()
    (kept,) = here.bus.records("rejects")
    headers = document("asyncapi")["components"]["messages"]["reject"]["headers"]
    Draft7Validator(headers).validate({name: value.decode() for name, value in kept.headers})
    assert not Draft7Validator(headers).is_valid({"reject-reason": "bad mood"})


def test_a_correction_of_half_a_feeling_is_not_valid() -> None:
    """The schema says, too, that emotions and primary come together."""
    validator = Draft202012Validator(document("correction"))
    given = {"moment": "m", "person": "p1-a", "by": "ben", "at": "2026-09-01T12:00:00Z"}
    validator.validate({**given, "emotions": {"happy": 2}, "primary": "happy", "desk": 3})
    assert not validator.is_valid({**given, "primary": "happy"})
    assert not validator.is_valid({**given, "emotions": {"happy": 4}, "primary": "happy"})
