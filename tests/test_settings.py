"""Settings: a flag wins over the environment, that over a running house, that over the default."""

import json
import os
from pathlib import Path

import pytest

from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import HUNG_SECONDS_MAX, RETRY_SECONDS_MAX
from pipeline.settings import Settings, load_settings, running_file, state_folder


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the settings and the running house of this machine out."""
    for name in list(os.environ):
        if name.startswith("HEARTLINE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def runs(**told: object) -> None:
    """Let a house say what it runs."""
    running_file().parent.mkdir(parents=True, exist_ok=True)
    running_file().write_text(json.dumps(told), encoding="utf-8")


def test_flag_over_environment_over_house_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source wins over those below it; what is not given is left to them."""
    assert load_settings().kafka == "127.0.0.1:9092"
    runs(pid=os.getpid(), kafka="house:1", redis="redis://house")
    assert load_settings().kafka == "house:1"
    monkeypatch.setenv("HEARTLINE_KAFKA", "environment:1")
    assert load_settings().kafka == "environment:1"
    assert load_settings(kafka="flag:1", redis=None).kafka == "flag:1"
    monkeypatch.delenv("HEARTLINE_KAFKA")
    assert load_settings(redis=None).redis == "redis://house"


def test_a_house_says_nothing_to_who_names_another_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Redis, and what its small broker needs, would be wrong elsewhere."""
    runs(pid=os.getpid(), kafka="house:1", redis="redis://house", session_seconds=4.0, idempotence="off")
    assert load_settings(kafka="house:1").session_seconds == 4.0
    for elsewhere in (load_settings(kafka="other:1"), load_settings(kafka="other:1", redis="redis://other")):
        assert (elsewhere.session_seconds, elsewhere.idempotence) == (10.0, "auto")
    assert load_settings(kafka="other:1").redis == "redis://127.0.0.1:6379/0"
    monkeypatch.setenv("HEARTLINE_KAFKA", "other:1")
    assert load_settings().session_seconds == 10.0


@pytest.mark.parametrize("content", ["", "no json", "[]", "{}", '{"pid": "x"}', '{"pid": 0.5}', '{"kafka": "x"}'])
def test_a_damaged_running_file_is_passed_over(content: str) -> None:
    """What cannot be read of a running house is no reason to fail."""
    running_file().parent.mkdir(parents=True)
    running_file().write_text(content, encoding="utf-8")
    assert load_settings().kafka == "127.0.0.1:9092"


def test_a_house_that_is_gone_says_nothing() -> None:
    """What a process said that lives no more is not believed."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    runs(pid=child, kafka="gone:1")
    assert load_settings().kafka == "127.0.0.1:9092"


def test_what_a_house_says_beside_settings_is_no_error() -> None:
    """A house may say more than there are settings for."""
    runs(pid=os.getpid(), kafka="house:1", folder="somewhere", workers=[1])
    assert load_settings().kafka == "house:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partitions", "65"),
        ("partitions", "0"),
        ("partitions", "many"),
        ("prefix", "a b"),
        ("redis_prefix", ""),
        ("redis_prefix", "{x}"),
        ("idempotence", "maybe"),
        ("session_seconds", "0"),
        ("retry_seconds", "-1"),
        ("log_level", "loud"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong value says which setting it is and which variable of the environment sets it."""
    monkeypatch.setenv(f"HEARTLINE_{name.upper()}", value)
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    assert str(caught.value).startswith(f"setting {name} (HEARTLINE_{name.upper()}): ")


def test_an_unknown_setting_is_an_error() -> None:
    """A setting that does not exist is refused rather than passed over."""
    with pytest.raises(Misconfigured, match="setting kafak"):
        load_settings(kafak="x")


def test_defaults_keep_the_limits() -> None:
    """The waits that settings give by default are those that limits.py names."""
    assert Settings().retry_seconds == RETRY_SECONDS_MAX
    assert Settings().hung_seconds == HUNG_SECONDS_MAX


def test_topics_have_the_prefix() -> None:
    """The full name of a topic begins with the prefix."""
    assert load_settings(prefix="acme.").topic("feedback") == "acme.feedback"
    assert Settings().topic("feedback") == "feedback"


def test_the_state_folder_follows_the_convention(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """State lies under XDG_STATE_HOME, and without it under the home folder."""
    assert state_folder() == tmp_path / "heartline"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "heartline"
