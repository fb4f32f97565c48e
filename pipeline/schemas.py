"""The documents for whoever speaks with Heartline in another language, made from the models and the flow.

``python -m pipeline.schemas`` writes them into ``pipeline/documents``: a JSON Schema (2020-12) of the data of every
event, and an AsyncAPI 3 document of the topics, the messages on them and what the workers do. They are never edited
by hand; a test says when they are not current.
"""

import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from pipeline.domain.envelope import NAMESPACE
from pipeline.domain.errors import Reason
from pipeline.domain.policy import parse_policy
from pipeline.domain.values import Value
from pipeline.flow import STEPS, TOPICS, TYPES, VERSION, Step, Topic
from pipeline.settings import Settings

FOLDER = Path(__file__).parent / "documents"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "3.0.0"
# What the envelope of a feedback says need not stand in its data as well (pipeline.domain.envelope.named).
ENVELOPED = frozenset({"id", "source", "at"})
RECEIVED = "feedback.received"
_Json = dict[str, Any]


class _Plain(GenerateJsonSchema):
    """Without a title for each field: it would only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def documents() -> dict[str, bytes]:
    """Answer every document by its file name."""
    made = {f"{model.__name__.lower()}.json": _schema(kind, model) for kind, model in TYPES.items()}
    made["asyncapi.json"] = asyncapi()
    return {name: orjson.dumps(made[name], option=orjson.OPT_INDENT_2) + b"\n" for name in sorted(made)}


def _schema(kind: str, model: type[Value]) -> _Json:
    """Answer the JSON Schema of the data of an event of type ``kind``."""
    name = model.__name__.lower()
    body = _of(kind, model.model_json_schema(schema_generator=_Plain))
    return {"$schema": DIALECT, "$id": f"urn:heartline:{name}:v{VERSION}", **body}


def _of(kind: str, schema: _Json) -> _Json:
    if kind != RECEIVED:
        return schema
    told = "`id`, `source` and `at` may be left out: the envelope says them, or else the record's place and time do."
    required = [name for name in schema["required"] if name not in ENVELOPED]
    return schema | {"required": required, "description": f"{schema['description']}\n\n{told}"}


def asyncapi() -> _Json:
    """Answer the AsyncAPI document: the workers' view, who receive feedback and send the rest."""
    return {
        "asyncapi": ASYNCAPI,
        "id": "urn:heartline",
        "info": {
            "title": "Heartline",
            "version": f"{VERSION}.0.0",
            "description": (
                "What customers and employees feel, routed in real time to the team that can mend it. Events are "
                "CloudEvents 1.0 in the Kafka binding, sent in binary mode; feedback is accepted in structured mode "
                "and bare as well. Delivery is at least once, with ids that stay the same. Topic names may have a "
                "prefix (HEARTLINE_PREFIX). Unknown fields are kept."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {name: operation for step in STEPS for name, operation in _operations(step)},
        "components": {
            "messages": {name: _message(name) for name in TYPES} | {"reject": _reject()},
            "messageTraits": {"cloudevent": _cloudevent()},
            "schemas": _components(),
        },
    }


def _channel(topic: Topic) -> _Json:
    configuration: _Json = {
        "cleanup.policy": ["compact" if topic.compacted else "delete"],
        "max.message.bytes": topic.message_bytes_max,
    }
    if not topic.compacted:
        configuration["retention.ms"] = topic.retention_ms
    channel: _Json = {
        "address": f"{topic.name}.{{team}}" if topic.per_team else topic.name,
        "title": topic.name,
        "description": f"{topic.purpose}. Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(topic)},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions(Settings.model_fields["partitions"].default),
                "replicas": Settings.model_fields["replication"].default,
                "topicConfiguration": configuration,
                "bindingVersion": "0.5.0",
            }
        },
    }
    if topic.per_team:
        policy = parse_policy(files("pipeline").joinpath("policy.toml").read_text(encoding="utf-8"))
        channel["parameters"] = {
            "team": {
                "description": "The team that must answer; the teams stand in the policy.",
                "examples": sorted(policy.teams),
            }
        }
    return channel


def _messages(topic: Topic) -> tuple[str, ...]:
    return topic.carries or ("reject",)


def _operations(step: Step) -> list[tuple[str, _Json]]:
    by_name = {topic.name: topic for topic in TOPICS}
    verbs = ", ".join(verb.__name__ for verb in step.meets)
    told = [("receive", step.topic, f"{verbs}: {step.meets[-1].__doc__ or ''}".split("\n")[0])]
    told += [("send", name, f"What {verbs} sends to {name}.") for name in step.sends]
    return [
        (
            f"{step.topic}.{action}" if action == "receive" else f"{step.topic}.{action}.{name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": summary,
                "messages": [{"$ref": f"#/channels/{name}/messages/{each}"} for each in _messages(by_name[name])],
            },
        )
        for action, name, summary in told
    ]


def _message(kind: str) -> _Json:
    model = TYPES[kind]
    key = next(topic.key for topic in TOPICS if kind in topic.carries)
    ref = "FeedbackReceived" if kind == RECEIVED else model.__name__
    return {
        "name": f"{NAMESPACE}{kind}.v{VERSION}",
        "title": model.__name__,
        "summary": (model.__doc__ or "").split("\n")[0],
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {"$ref": f"#/components/schemas/{ref}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": "0.5.0"}},
    }


def _cloudevent() -> _Json:
    told = {
        "ce_specversion": "version of CloudEvents",
        "ce_type": f"{NAMESPACE}<name>.v<version>",
        "ce_id": "unique within the source; the same at every delivery",
        "ce_source": "who says so, for a feedback the channel",
        "ce_time": "when it happened (RFC 3339)",
        "ce_subject": "whom or what it is about",
    }
    properties: _Json = {name: {"type": "string", "description": text} for name, text in told.items()}
    properties["ce_specversion"]["const"] = "1.0"
    properties["content-type"] = {"type": "string", "const": "application/json"}
    return {
        "headers": {
            "type": "object",
            "description": "CloudEvents 1.0, Kafka binding, binary mode",
            "required": ["ce_specversion", "ce_type", "ce_id", "ce_source"],
            "properties": properties,
        }
    }


def _reject() -> _Json:
    names = ("reject-detail", "reject-topic", "reject-partition", "reject-offset", "reject-timestamp")
    properties: _Json = {"reject-reason": {"type": "string", "enum": [reason.value for reason in Reason]}}
    properties |= {name: {"type": "string"} for name in names}
    return {
        "name": "reject",
        "title": "Reject",
        "summary": "An input that can never be good, untouched, with its reason and origin in added headers.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "required": list(properties), "properties": properties},
        "payload": {"description": "The bytes as they came."},
    }


def _components() -> _Json:
    """Answer every schema once, with references that resolve inside the AsyncAPI document."""
    _, made = models_json_schema(
        [(model, "validation") for model in TYPES.values()],
        schema_generator=_Plain,
        ref_template="#/components/schemas/{model}",
    )
    schemas: _Json = made["$defs"]
    return schemas | {"FeedbackReceived": _of(RECEIVED, schemas["Feedback"])}


def main() -> None:
    """Write every document that is not current, and say which."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in documents().items():
        file = FOLDER / name
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)
            sys.stdout.write(f"written: {name}\n")


if __name__ == "__main__":
    main()
