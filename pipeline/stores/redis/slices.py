"""A batch, cut by bucket."""

from collections.abc import Iterable

from pipeline.stores.redis.keys import Keys


def by_stem(keys: Keys, names: Iterable[str]) -> dict[str, list[int]]:
    """Answer stem of the bucket → the places at which ``names`` (persons or handles) of that bucket stand."""
    slices: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        slices.setdefault(keys.stem(name), []).append(place)
    return slices
