"""The twenty stakeholder emotions and the four clusters they form."""

from enum import StrEnum


class Cluster(StrEnum):
    """The rungs of the ladder, worst first."""

    DESTROYERS = "destroyers"
    ATTENTION = "attention"
    RECOMMENDATION = "recommendation"
    ADVOCACY = "advocacy"


class Emotion(StrEnum):
    """What a stakeholder can feel; the order is that of the labels."""

    DISSATISFIED = "dissatisfied"
    FRUSTRATED = "frustrated"
    DISAPPOINTED = "disappointed"
    IRRITATED = "irritated"
    STRESSED = "stressed"
    UNHAPPY = "unhappy"
    NEGLECTED = "neglected"
    HURRIED = "hurried"
    INTERESTED = "interested"
    ENERGETIC = "energetic"
    EXPLORATORY = "exploratory"
    INDULGENT = "indulgent"
    STIMULATED = "stimulated"
    TRUSTING = "trusting"
    VALUED = "valued"
    CARED_FOR = "cared_for"
    SAFE = "safe"
    FOCUSED = "focused"
    HAPPY = "happy"
    PLEASED = "pleased"

    @property
    def cluster(self) -> Cluster:
        """The cluster this emotion belongs to."""
        return CLUSTER_OF[self]

    @property
    def hurts(self) -> bool:
        """Whether it destroys value."""
        return CLUSTER_OF[self] is Cluster.DESTROYERS


EMOTIONS: tuple[Emotion, ...] = tuple(Emotion)
CLUSTER_OF: dict[Emotion, Cluster] = {
    emotion: Cluster.DESTROYERS
    if place < 8
    else Cluster.ATTENTION
    if place < 13
    else Cluster.RECOMMENDATION
    if place < 18
    else Cluster.ADVOCACY
    for place, emotion in enumerate(EMOTIONS)
}
