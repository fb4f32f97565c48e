"""Who is it? Handles, normalised, and the person that they lead to.

A person is a connected component of handles that were seen together. Its id is the least of the ids that its
handles would have alone, and those sort by the strength of the handle's kind, so the id does not depend on the
order in which the handles became known: whoever arrives, the minimum wins (connected components by minimum-label
propagation). A handle that was never seen with another one needs no entry anywhere: it leads to its own id.
"""

import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b, sha1
from typing import Annotated
from uuid import UUID

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import StringConstraints

from pipeline.domain.limits import HANDLE_CHARS_MAX
from pipeline.domain.values import Name, Value

NAMESPACE = UUID("5a1c9f5e-6b0e-5e0b-9a53-3f2d6f0d9b11")


class Kind(StrEnum):
    """The kinds of handle that stitch, strongest first; others are kept on the feedback and join nobody."""

    CUSTOMER_ID = "customer_id"
    EMPLOYEE_ID = "employee_id"
    EMAIL = "email"
    PHONE = "phone"
    SOCIAL = "social"
    RESPONDENT = "respondent"


_STRENGTH = {kind.value: place for place, kind in enumerate(Kind, start=1)}


class Handle(Value):
    """What a channel knows somebody by, as the channel wrote it."""

    kind: Name
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=HANDLE_CHARS_MAX)]


@lru_cache(maxsize=65_536)
def normalise(kind: str, value: str, region: str) -> str | None:
    """Answer 'kind:value' in the form that is compared, or None where this handle stitches nothing.

    ``region`` (ISO 3166) is where a phone number without a country code belongs. E-mail addresses are compared
    whole without regard to case (RFC 5321 lets the local part differ by case; no provider in use does), phone
    numbers in E.164, social handles without '@' and case, ids as they stand. All are put into NFKC first.
    """
    text = unicodedata.normalize("NFKC", value).strip()
    if not text or kind not in _STRENGTH or not text.isprintable():
        return None
    if kind == Kind.EMAIL:
        try:
            checked = validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            return None
        return f"{kind}:{checked.normalized.casefold()}"
    if kind == Kind.PHONE:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_possible_number(number):
            return None
        return f"{kind}:{phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}"
    if kind == Kind.SOCIAL:
        text = text.removeprefix("@").casefold()
    return f"{kind}:{text}" if text else None


@lru_cache(maxsize=131_072)
def own_person(handle: str) -> str:
    """Answer the person that a normalised handle leads to as long as it is linked to no other."""
    kind = handle.partition(":")[0]
    return f"p{_STRENGTH[kind]}-{blake2b(handle.encode(), digest_size=12).hexdigest()}"


def proved_one(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Answer which person each proved to be in the end, of those that did; ``pairs`` are ids of one person each."""
    least: dict[str, str] = {}

    def last(person: str) -> str:
        while (after := least.get(person, person)) != person:
            least[person] = least.get(after, after)
            person = after
        return person

    for one, other in pairs:
        first, second = sorted((last(one), last(other)))
        if first != second:
            least[second] = first
    return {person: last(person) for person in least}


def anonymous_person(moment: str) -> str:
    """Answer the person of a moment that came without any handle: nobody else's, later or before."""
    return f"p9-{moment.replace('-', '')}"


def _uuid5(name: str) -> str:
    """Answer ``str(uuid.uuid5(NAMESPACE, name))`` at a third of its cost (RFC 9562, section 5.5)."""
    digest = bytearray(sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def moment_id(source: str, event: str) -> str:
    """Answer the id of the moment that becomes of event ``event`` of ``source``: the same at every delivery."""
    return _uuid5(f"moment\n{source}\n{event}")


def alert_id(moment: str, rule: str) -> str:
    """Answer the id of the alert that ``rule`` raises for ``moment``."""
    return _uuid5(f"alert\n{moment}\n{rule}")


def case_id(person: str, touchpoint: str, alert: str) -> str:
    """Answer the id of the case that ``alert`` opens."""
    return _uuid5(f"case\n{person}\n{touchpoint}\n{alert}")


def correction_id(content: str) -> str:
    """Answer the id of a correction that says ``content``."""
    return _uuid5(f"correction\n{content}")


def event_id(content: bytes) -> str:
    """Answer the id of an event whose producer gave it none: the same for the same content."""
    return _uuid5(f"event\n{blake2b(content, digest_size=16).hexdigest()}")
