"""The policy: what the business decides. Touchpoints and their owners, topics, teams, rules, weights, playbooks."""

import re
import tomllib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pipeline.domain.aspects import Topics, phrases, pieces
from pipeline.domain.emotions import Cluster, Emotion
from pipeline.domain.errors import Misconfigured
from pipeline.domain.limits import NAME_CHARS_MAX, PHRASE_WORDS_MAX, TOPIC_WORDS_MAX, TOPICS_MAX
from pipeline.domain.reading import Reading

_Word = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]
# Team names become the last part of a topic's name, so they are of the characters that Kafka allows there.
TeamName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,48}$")]


_HEAD = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$")
Hours = Annotated[float, Field(gt=0, le=8_784)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Team(_Part):
    """Who answers, and within how many hours; ``opens_case`` False for a team that only looks (review)."""

    respond_within_hours: Hours = 8.0
    opens_case: bool = True
    title: str | None = None


class Touchpoint(_Part):
    """A place where the organisation is felt, the team that owns it, its weight for trust, its other names."""

    team: str
    weight: Annotated[float, Field(gt=0, le=10)] = 1.0
    also: tuple[str, ...] = ()
    name: str = ""


class Topic(_Part):
    """What people speak about: the words that name it (the plural goes with them), and the touchpoint it belongs to."""

    words: Annotated[tuple[_Word, ...], Field(min_length=1, max_length=TOPIC_WORDS_MAX)]
    touchpoint: str | None = None


class Rule(_Part):
    """When an alert is raised. All that is given must hold; the first rule that matches wins."""

    name: TeamName
    clusters: frozenset[Cluster] = frozenset()
    emotions: frozenset[Emotion] = frozenset()
    intensity_min: Annotated[int, Field(ge=1, le=3)] = 1
    negative_min: Annotated[float, Field(ge=0, le=1)] = 0.0
    review: bool | None = None
    stakeholder: Literal["customer", "employee"] | None = None
    touchpoints: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    team: str | None = None
    severity: Literal["low", "normal", "high"] = "normal"
    respond_within_hours: Hours | None = None

    def matches(self, reading: Reading, stakeholder: str, touchpoint: str) -> bool:
        """Say whether this rule is for that reading."""
        primary = reading.primary
        if self.review is not None and reading.review is not self.review:
            return False
        if (self.clusters or self.emotions) and (
            primary is None or not (primary.cluster in self.clusters or primary in self.emotions)
        ):
            return False
        felt = reading.emotions.get(primary) if primary else None
        return (
            (felt.intensity if felt else 1) >= self.intensity_min
            and reading.negative >= self.negative_min
            and (self.stakeholder is None or self.stakeholder == stakeholder)
            and (not self.touchpoints or touchpoint in self.touchpoints)
            and (not self.topics or not self.topics.isdisjoint(reading.about))
        )


class Trust(_Part):
    """How the account fades and what each cluster pays in; withdrawals weigh more than deposits."""

    # With shorter ones the account would stop to fade before 2054, 900 of them after the landmark (timeline.py).
    half_life_days: Annotated[float, Field(ge=14, le=36_500)] = 90.0
    scale: Annotated[float, Field(gt=0, le=1_000_000)] = 60.0
    weights: dict[Cluster, Annotated[float, Field(ge=-1_000, le=1_000)]]


class Policy(_Part):
    """The whole policy; ``version`` stands in every alert."""

    version: str
    phone_region: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] = "GB"
    alert_age_days: Annotated[float, Field(gt=0)] | None = None
    default_team: str
    teams: dict[TeamName, Team]
    touchpoints: dict[str, Touchpoint] = {}
    topics: Annotated[dict[TeamName, Topic], Field(max_length=TOPICS_MAX)] = {}
    rules: tuple[Rule, ...]
    trust: Trust
    playbooks: dict[Emotion, str] = {}

    @cached_property
    def _named(self) -> Mapping[str, Touchpoint]:
        named: dict[str, Touchpoint] = {}
        for name, touchpoint in self.touchpoints.items():
            known = touchpoint.model_copy(update={"name": name})
            for word in (name, *touchpoint.also):
                named[_plain(word)] = known
        return named

    def touchpoint(self, said: str | None) -> Touchpoint:
        """Answer the touchpoint that a channel's name for it means; the default team owns unknown ones."""
        if said is None:
            return self._default("unknown")
        plain = _plain(said)
        return self._named.get(plain) or self._default(plain)

    def touchpoint_of(self, said: str | None, *readings: Reading) -> Touchpoint:
        """Answer the touchpoint that the channel named; where it named none, the one of the topic that hurts.

        What the primary emotion is about comes first, then any other hurt, in the order of the text. Of several
        readings of one text the first that shows a topic so decides.
        """
        for reading in readings if said is None else ():
            if reading.topics:
                hurts = [span for span in reading.spans if span.topic in self.topics and span.emotion.hurts]
                for span in sorted(hurts, key=lambda each: each.emotion != reading.primary):
                    if name := self.topics[span.topic or ""].touchpoint:
                        return self.touchpoint(name)
        return self.touchpoint(said)

    @cached_property
    def aspects(self) -> Topics:
        """The words of all topics, ready to be found."""
        return Topics({name: topic.words for name, topic in self.topics.items()})

    def _default(self, name: str) -> Touchpoint:
        return Touchpoint.model_construct(team=self.default_team, weight=1.0, also=(), name=name)

    def rule_for(self, reading: Reading, stakeholder: str, touchpoint: str) -> Rule | None:
        """Answer the first rule that matches, or None."""
        return next((rule for rule in self.rules if rule.matches(reading, stakeholder, touchpoint)), None)


@lru_cache(maxsize=4_096)  # several steps ask it of each moment, and touchpoints are few
def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split()).replace(" ", "_")


def parse_policy(text: str, name: str = "policy.toml") -> Policy:
    """Read and check a policy. Raises Misconfigured, naming the file, the line and what to do."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{name}: not valid TOML: {error}") from error
    try:
        policy = Policy.model_validate(raw)
    except ValidationError as error:
        lines = [_told(text, name, dict(problem)) for problem in error.errors(include_url=False)]
        raise Misconfigured("\n".join(lines)) from error
    problems = _loose_ends(policy, text, name)
    if problems:
        raise Misconfigured("\n".join(problems))
    return policy


def _told(text: str, name: str, problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    return f"{name}:{_line_of(text, problem['loc'])}: {where}: {problem['msg']}"


def _loose_ends(policy: Policy, text: str, name: str) -> list[str]:
    named: list[tuple[tuple[str | int, ...], str]] = [(("default_team",), policy.default_team)]
    named += [(("touchpoints", key), touchpoint.team) for key, touchpoint in policy.touchpoints.items()]
    named += [(("rules", place), rule.team) for place, rule in enumerate(policy.rules) if rule.team]
    problems = [
        f"{name}:{_line_of(text, where)}: team {team!r} is not under [teams]; add [teams.{team}] or name one of: "
        + ", ".join(sorted(policy.teams))
        for where, team in named
        if team not in policy.teams
    ]
    problems += [
        f"{name}:{_line_of(text, ('trust', 'weights'))}: trust.weights.{cluster} is missing"
        for cluster in Cluster
        if cluster not in policy.trust.weights
    ]
    owners: dict[str, str] = {}
    for key, touchpoint in policy.touchpoints.items():
        for word in (key, *touchpoint.also):
            if (owner := owners.setdefault(_plain(word), key)) != key:
                line = _line_of(text, ("touchpoints", key))
                problems.append(f"{name}:{line}: {word!r} means touchpoint {owner} already; take it from one of them")
    problems += _loose_topics(policy, text, name)
    names = [rule.name for rule in policy.rules]
    problems += [
        f"{name}:{_line_of(text, ('rules', place))}: rule {rule!r} is named twice; names must differ"
        for place, rule in enumerate(names)
        if rule in names[:place]
    ]
    return problems


def _loose_topics(policy: Policy, text: str, name: str) -> list[str]:
    problems: list[str] = []
    owners: dict[tuple[str, ...], str] = {}
    for key, topic in policy.topics.items():
        line = _line_of(text, ("topics", key, "words"))
        if topic.touchpoint is not None and topic.touchpoint not in policy.touchpoints:
            problems.append(
                f"{name}:{_line_of(text, ('topics', key, 'touchpoint'))}: touchpoint {topic.touchpoint!r} is not under "
                f"[touchpoints]; add [touchpoints.{topic.touchpoint}] or name one of: {', '.join(policy.touchpoints)}"
            )
        for word in topic.words:
            forms = phrases(word)
            if not forms or len(forms[0]) > PHRASE_WORDS_MAX or len(pieces(word)[0]) > 1:
                problems.append(
                    f"{name}:{line}: {word!r} cannot be found in a text; a phrase is 1 to {PHRASE_WORDS_MAX} words "
                    "of letters and digits"
                )
            claimed = next((owner for form in forms if (owner := owners.setdefault(form, key)) != key), None)
            if claimed is not None:
                problems.append(f"{name}:{line}: {word!r} names topic {claimed} already; take it from one of them")
    problems += [
        f"{name}:{_line_of(text, ('rules', place, 'topics'))}: topic {topic!r} is not under [topics]; "
        f"add [topics.{topic}] or name one of: {', '.join(policy.topics)}"
        for place, rule in enumerate(policy.rules)
        for topic in sorted(rule.topics - policy.topics.keys())
    ]
    return problems


def _line_of(text: str, where: tuple[Any, ...]) -> int:
    """Find the line (from 1) of the deepest part of ``where`` that stands in ``text``; 1 where none does."""
    lines = text.splitlines()
    heads = [(i, match) for i, line in enumerate(lines) if (match := _HEAD.match(line))]
    best = 0
    body = (0, heads[0][0] if heads else len(lines))
    table: tuple[str, ...] = ()
    for part in where:
        if isinstance(part, str):
            table = (*table, part)
        found = [i for i, match in heads if _path(match) == table]
        place = part if isinstance(part, int) else 0
        if place < len(found):
            best = found[place]
            body = (best + 1, next((i for i, _ in heads if i > best), len(lines)))
        elif isinstance(part, str):
            best = next((i for i in range(*body) if lines[i].split("=")[0].strip().strip("\"'") == part), best)
    return best + 1


def _path(head: re.Match[str]) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in head[1].split("."))
