"""docker-compose.yml and the Dockerfile that it builds."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.embedded import jars


@pytest.fixture(scope="module")
def compose(repository: Path) -> dict[str, Any]:
    """The file as data."""
    content: dict[str, Any] = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    """Its services."""
    found: dict[str, Any] = compose["services"]
    return found


@pytest.fixture(scope="module")
def schema(repository: Path) -> dict[str, Any]:
    """The schema of the Compose specification."""
    content: dict[str, Any] = json.loads((repository / "tests/samples/compose-spec.json").read_text(encoding="utf-8"))
    return content


def test_it_keeps_to_the_specification(compose: dict[str, Any], schema: dict[str, Any]) -> None:
    """The file is valid by the JSON Schema of the Compose specification, and names no version of it."""
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(compose)
    assert "version" not in compose


def test_the_schema_finds_mistakes(compose: dict[str, Any], schema: dict[str, Any]) -> None:
    """A misspelt key is not valid, so that the test before this one can fail."""
    wrong = compose | {"services": {"worker": {"imagee": "x"}}}
    with pytest.raises(jsonschema.ValidationError, match="imagee"):
        jsonschema.Draft7Validator(schema).validate(wrong)


def test_ports_are_on_loopback(services: dict[str, Any]) -> None:
    """No service is published beyond this machine, and the workers not at all."""
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert "ports" not in services["worker"]


def test_images_are_pinned(services: dict[str, Any], repository: Path) -> None:
    """Every image has an exact version, and Kafka the one that the tests run on."""
    dockerfile = (repository / "deploy/Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    images = [service["image"] for service in services.values()] + bases
    assert all(re.search(r":\d+\.\d+\.\d+(-[a-z0-9.]+)?$", image) for image in images)
    assert services["kafka"]["image"] == f"apache/kafka:{jars.VERSION}"


def test_our_image_is_this_version(services: dict[str, Any], repository: Path) -> None:
    """The image that is built is named for the version of the project."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert services["worker"]["image"] == services["topics"]["image"] == f"heartline:{project['version']}"


def test_workers_scale_and_wait_for_the_topics(services: dict[str, Any]) -> None:
    """Workers may be many, and start when servers are healthy and the topics were applied."""
    worker = services["worker"]
    assert "container_name" not in worker
    assert {name: wait["condition"] for name, wait in worker["depends_on"].items()} == {
        "kafka": "service_healthy",
        "valkey": "service_healthy",
        "topics": "service_completed_successfully",
    }
    assert services["topics"]["command"] == ["topics", "apply"]


def test_what_waits_has_something_to_wait_for(services: dict[str, Any], compose: dict[str, Any]) -> None:
    """Servers that are waited for check their health, keep their data in named volumes, and come back."""
    for name in ("kafka", "valkey"):
        assert services[name]["healthcheck"]["test"]
        assert services[name]["restart"] == "unless-stopped"
        assert all(volume.partition(":")[0] in compose["volumes"] for volume in services[name]["volumes"])


def test_inside_and_host_reach_kafka_by_their_own_door(services: dict[str, Any]) -> None:
    """Kafka tells those inside its name there, those on the host the port that is published, on loopback."""
    settings = services["kafka"]["environment"]
    doors = dict(door.split("://") for door in settings["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert doors["INSIDE"] == services["worker"]["environment"]["HEARTLINE_KAFKA"]
    assert services["kafka"]["ports"] == [f"{doors['HOST']}:19092"]
    assert "HOST://:19092" in settings["KAFKA_LISTENERS"]


def test_the_image_runs_as_nobody_special(repository: Path) -> None:
    """The image does not run as root and checks its own health."""
    dockerfile = (repository / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER heartline$", dockerfile, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", dockerfile, re.MULTILINE)
