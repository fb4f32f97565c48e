"""The flat reader and the door to readers."""

import pytest

from pipeline.domain.errors import Misconfigured
from pipeline.readers import READERS, open_reader
from pipeline.readers.flat import FlatReader
from tests.readers.tiny import opened


def test_flat_reader_calls_some_texts_negative() -> None:
    """About one text in eight is negative, whatever it says, always the same ones."""
    readings = FlatReader().read([f"text {number}" for number in range(800)])
    hurt = [reading for reading in readings if reading.primary is not None]
    assert 60 < len(hurt) < 140
    assert all(reading.negative == 1.0 and reading.valence == -1.0 for reading in hurt)


def test_readers_open_by_name() -> None:
    """Each known name opens the reader that calls itself so."""
    assert [opened(name).name.partition("/")[0] for name in READERS] == list(READERS)


def test_unknown_reader_is_refused_with_the_known_names() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(Misconfigured, match=f"known are {', '.join(sorted(READERS))}"):
        open_reader("oracle")
