"""The twenty emotions and their ladder."""

from collections import Counter

from pipeline.domain.emotions import CLUSTER_OF, EMOTIONS, Cluster, Emotion


def test_twenty_in_four_clusters() -> None:
    """There are 8 destroyers, 5 that win attention, 5 that build the relation and 2 that make advocates."""
    assert Counter(emotion.cluster for emotion in EMOTIONS) == {
        Cluster.DESTROYERS: 8,
        Cluster.ATTENTION: 5,
        Cluster.RECOMMENDATION: 5,
        Cluster.ADVOCACY: 2,
    }
    assert CLUSTER_OF.keys() == set(Emotion)


def test_only_destroyers_hurt() -> None:
    """An emotion hurts exactly when it destroys value."""
    assert {emotion for emotion in EMOTIONS if emotion.hurts} == {
        emotion for emotion, cluster in CLUSTER_OF.items() if cluster is Cluster.DESTROYERS
    }
    assert Emotion.HURRIED.hurts
    assert not Emotion.INTERESTED.hurts


def test_the_ladder_begins_with_the_worst() -> None:
    """The clusters stand in the order of the ladder, and the emotions in the order of the clusters."""
    ladder = list(Cluster)
    rungs = [ladder.index(emotion.cluster) for emotion in EMOTIONS]
    assert rungs == sorted(rungs)
