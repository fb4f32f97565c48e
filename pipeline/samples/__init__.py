"""The sample story: six weeks of feedback to an invented firm, Brackenfold, which rents out appliances.

``story.ndjson`` has one JSON object a line, the ``data`` of one feedback event each, in order of time;
``STORY.md`` tells who the people are and what to look at. People, firm, addresses and numbers are invented:
only domains that RFC 2606 reserves and telephone numbers that Ofcom keeps for drama.
"""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["story", "story_file"]


def story_file() -> Traversable:
    """Answer where the story is, also when the package is inside a zip."""
    return files(__name__).joinpath("story.ndjson")


def story() -> Iterator[bytes]:
    """Yield the data of each feedback in order of time: one JSON object in UTF-8, without its line end."""
    with story_file().open("rb") as lines:
        for line in lines:
            yield line.rstrip(b"\r\n")
