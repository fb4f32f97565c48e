"""Routing: from a moment to the alert that its touchpoint's team must answer, or to none."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pipeline.domain.events import Alert, Brief, Briefing, Moment, Why
from pipeline.domain.identity import alert_id
from pipeline.domain.policy import Policy, Rule
from pipeline.domain.timeline import Figures, touchpoint_of, trust_balance


def route(
    moment: Moment, figures: Figures, cases: Mapping[str, str], raised_at: datetime, policy: Policy
) -> Alert | None:
    """Answer the alert that ``moment`` raises. ``figures`` include the moment; ``cases`` are the open ones.

    A moment that was remembered before, for a person that proved to be this one, was routed then.
    """
    if moment.moved_from is not None:
        return None
    rule = rule_of(moment, policy)
    if rule is None:
        return None
    feedback = moment.feedback
    touchpoint = touchpoint_of(moment, policy)
    name = rule.team or touchpoint.team
    team = policy.teams[name]
    hours = rule.respond_within_hours or team.respond_within_hours
    return Alert.made(
        {
            "id": alert_id(moment.id, rule.name),
            "rule": rule.name,
            "policy": policy.version,
            "team": name,
            "severity": rule.severity,
            "person": moment.person,
            "aliases": tuple(sorted(figures.aliases)),
            "moment": moment.id,
            "touchpoint": touchpoint.name,
            "channel": feedback.channel,
            "stakeholder": feedback.stakeholder,
            "at": moment.at,
            "raised_at": raised_at,
            "respond_by": raised_at + timedelta(hours=min(hours, team.respond_within_hours)),
            "opens_case": team.opens_case,
            "text": feedback.text,
            "why": _why(moment),
            "briefing": _briefing(moment, figures, cases, raised_at, policy),
            "handles": feedback.handles,
            "reply_to": feedback.reply_to,
        }
    )


def rule_of(moment: Moment, policy: Policy) -> Rule | None:
    """Answer the rule that raises an alert for ``moment``; None for one that hurts nobody, or arrived too late."""
    days = policy.alert_age_days
    if days is not None and moment.arrived - moment.at > timedelta(days=days):
        return None
    feedback, reading = moment.feedback, moment.reading
    touchpoint = touchpoint_of(moment, policy)
    return policy.rule_for(reading, feedback.stakeholder, touchpoint.name)


def _why(moment: Moment) -> Why:
    text, reading = moment.feedback.text, moment.reading
    felt = reading.emotions.get(reading.primary) if reading.primary else None
    return Why.made(
        {
            "primary": reading.primary,
            "emotions": {emotion: felt.intensity for emotion, felt in reading.emotions.items()},
            "negative": reading.negative,
            "confidence": felt.confidence if felt else 0.0,
            "words": tuple(dict.fromkeys([text[span.start : span.end] for span in reading.spans])),
            "topics": reading.topics,
        }
    )


def _briefing(
    moment: Moment, figures: Figures, cases: Mapping[str, str], raised_at: datetime, policy: Policy
) -> Briefing:
    primary = moment.reading.primary
    recent: tuple[Brief, ...] = tuple(brief for _, told, brief in figures.recent if told != moment.id)
    return Briefing.made(
        {
            "recent": recent,
            "open_cases": dict(cases),
            "moments": figures.moments,
            "positive": figures.positive,
            "negative": figures.negative,
            "trust": round(trust_balance(figures, raised_at, policy.trust), 1),
            "playbook": policy.playbooks.get(primary) if primary else None,
        }
    )
