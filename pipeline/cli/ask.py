"""How a command asks a reader: the option that names one, and the answers, whether it reads here or elsewhere."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.readers import READERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.domain.reading import Reading
    from pipeline.ports import Reader

NAMES = ", ".join(sorted(READERS))


def _begun(incomplete: str) -> list[str]:
    return [name for name in sorted(READERS) if name.startswith(incomplete)]


ReaderOption = Annotated[
    str | None,
    typer.Option("--reader", metavar="NAME", help=f"{NAMES}; default: that of the settings.", autocompletion=_begun),
]


async def ask(reader: "Reader", texts: "Sequence[str]") -> "Sequence[Reading]":
    """Answer one reading a text, in order. Raises Unavailable where a reader behind a network does not answer."""
    from collections.abc import Awaitable

    answer = reader.read(texts)
    return await answer if isinstance(answer, Awaitable) else answer
