"""Where things are.

A flag wins over the environment (``HEARTLINE_…``), that over what a running `heartline up` says, that over the default.
"""

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import HUNG_SECONDS_MAX, RETRY_SECONDS_MAX


def state_folder() -> Path:
    """Answer where `heartline up` keeps its data and says what it runs ($XDG_STATE_HOME/heartline)."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "heartline"


def running_file() -> Path:
    """Answer the file in which a running `heartline up` says where its servers are."""
    return state_folder() / "running.json"


class _Running(PydanticBaseSettingsSource):
    """What a `heartline up` on this machine says, as long as that process lives; nothing to who names another Kafka."""

    def __init__(self, settings_cls: type[BaseSettings], *named: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._named = named

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        try:
            running: dict[str, Any] = json.loads(running_file().read_bytes())
            os.kill(running.pop("pid"), 0)
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        kafka = next((told["kafka"] for source in self._named if (told := source()).get("kafka")), None)
        if kafka not in {None, running.get("kafka")}:
            return {}
        return {name: value for name, value in running.items() if name in self.settings_cls.model_fields}


class Settings(BaseSettings):
    """Every setting, with its default. In the environment each is ``HEARTLINE_`` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="HEARTLINE_", extra="forbid", frozen=True)

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, host:port[,host:port…]")
    redis: str = Field("redis://127.0.0.1:6379/0", description="URL of the Redis or Valkey that keeps the state")
    prefix: str = Field("", pattern=r"^[a-zA-Z0-9._-]{0,64}$", description="put before every topic name")
    redis_prefix: str = Field("hl", pattern=r"^[a-zA-Z0-9._-]{1,64}$", description="put before every Redis key")
    group: str = Field("heartline", description="consumer group of the workers")
    policy: Path | None = Field(None, description="policy file; default: the one that ships")
    reader: str = Field("fast", description="name of the emotion reader")
    weights: Path | None = Field(None, description="folder of weights that heartline train wrote; default: the shipped")
    partitions: int = Field(8, ge=1, le=64, description="of each topic; a power of two keeps a bucket on one worker")
    replication: int = Field(1, ge=1, le=9, description="copies of each topic; 3 in production")
    idempotence: Literal["auto", "on", "off"] = Field("auto", description="idempotent producer; auto asks the broker")
    session_seconds: float = Field(10.0, gt=0, description="after which a silent worker's partitions move on")
    seats: Path | None = Field(None, description="folder by which workers know their machine again; default: in /tmp")
    retry_seconds: float = Field(
        RETRY_SECONDS_MAX, gt=0, description="how long a worker waits for a shut door before it exits"
    )
    hung_seconds: float = Field(
        HUNG_SECONDS_MAX, gt=0, description="without progress, after which a worker ends itself"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="of the workers")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put what a running `heartline up` says below the environment."""
        return init_settings, env_settings, _Running(settings_cls, init_settings, env_settings)

    def topic(self, name: str) -> str:
        """Answer the full name of a topic."""
        return self.prefix + name


def load_settings(**given: Any) -> Settings:
    """Answer the settings; what is given and not None wins. Raises Misconfigured, naming the setting."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        told = "; ".join(
            f"setting {'.'.join(map(str, problem['loc']))} (HEARTLINE_{'_'.join(map(str, problem['loc'])).upper()}): "
            f"{problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise Misconfigured(told) from None
