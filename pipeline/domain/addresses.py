"""Addresses in a text, of pages and of mailboxes: they say where, not what is felt or what about."""

import re
from typing import Final

LINK: Final = r"(?:https?://|www\.)\S+"
MAILBOX: Final = r"[^\W_][\w.+-]{0,63}@[^\W_][\w-]{0,62}(?:\.[\w-]{1,63})+"  # bounded, so that looking is linear
_ADDRESS: Final = re.compile(f"{LINK}|{MAILBOX}")


def unaddressed(lower: str) -> str:
    """Answer ``lower`` (a text in lower case) with blanks for its addresses, place for place."""
    if "@" not in lower and "://" not in lower and "www." not in lower:
        return lower
    return _ADDRESS.sub(lambda found: " " * len(found[0]), lower)
