"""Identity: handles are compared in one form, and persons are ordered by what proves them best."""

import itertools
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.identity import (
    Kind,
    alert_id,
    anonymous_person,
    case_id,
    event_id,
    moment_id,
    normalise,
    own_person,
    proved_one,
)

LOCALS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)


@pytest.mark.parametrize(
    "written",
    [
        "020 7946 0018",
        "(020) 7946-0018",
        "0044 20 7946 0018",
        "+44 20 7946 0018",
        "+44 (0)20 7946 0018",
        "tel:+44-20-7946-0018",
        "０２０ ７９４６ ００１８",
        " 02079460018\n",
    ],
)
def test_a_phone_number_is_one_however_it_is_written(written: str) -> None:
    """National, international, full-width and decorated forms of a number are one handle in E.164."""
    assert normalise("phone", written, "GB") == "phone:+442079460018"


def test_a_national_number_belongs_to_the_region() -> None:
    """The same national digits are another number in another country; with the country code they are not."""
    assert normalise("phone", "020 7946 0018", "GB") != normalise("phone", "020 7946 0018", "DE")
    assert normalise("phone", "+44 7700 900555", "GB") == normalise("phone", "+44 7700 900555", "DE")


@pytest.mark.parametrize("written", ["999", "1", "hello", "+", "0" * 30, "+999 123"])
def test_what_is_no_phone_number_joins_nobody(written: str) -> None:
    """Short codes, words and impossible numbers stitch nothing."""
    assert normalise("phone", written, "GB") is None


@given(LOCALS, LOCALS)
def test_email_is_compared_without_case_and_width(local: str, name: str) -> None:
    """Upper case, blanks around and full-width letters make no other address."""
    plain = f"{local}@{name}.example.com"
    wide = "".join(chr(ord(c) + 0xFEE0) for c in local) + f"@{name}.example.com"
    expected = f"email:{plain}"
    assert [normalise("email", form, "GB") for form in (plain, plain.upper(), f"  {plain} ", wide)] == [expected] * 4


@pytest.mark.parametrize("written", ["", "@", "a@", "@b.org", "a b@c.org", "a@b@c.org", "ana@localhost", "a@b"])
def test_what_is_no_email_joins_nobody(written: str) -> None:
    """Damaged addresses and hosts that are nobody's stitch nothing."""
    assert normalise("email", written, "GB") is None


def test_a_homoglyph_is_another_address() -> None:
    """A Cyrillic letter that looks Latin never leads to the Latin address."""
    assert normalise("email", "ana@example.com", "GB") != normalise("email", "аna@example.com", "GB")


@given(LOCALS)
def test_social_without_at_and_case(name: str) -> None:
    """A social handle is one with and without '@', in any case."""
    forms = (name, f"@{name}", name.upper(), f"＠{name}")
    assert {normalise("social", form, "GB") for form in forms} == {f"social:{name}"}


@settings(max_examples=60)
@given(st.sampled_from(["customer_id", "employee_id", "respondent"]), st.text(max_size=30))
def test_ids_are_kept_as_they_stand(kind: str, value: str) -> None:
    """An id keeps its case, is put into NFKC once, and what cannot be shown stitches nothing."""
    handle = normalise(kind, value, "GB")
    if handle is not None:
        assert handle.isprintable()
        assert normalise(kind, handle.partition(":")[2], "GB") == handle
    assert normalise(kind, "c-1", "GB") != normalise(kind, "C-1", "GB")


@pytest.mark.parametrize("value", ["a\u202eb", "a\nb", "a\x00b", "\u200b", "   ", "a\u200db", "a\x1b[31mb"])
@pytest.mark.parametrize("kind", list(Kind))
def test_what_cannot_be_printed_joins_nobody(kind: Kind, value: str) -> None:
    """Control, bidirectional and invisible characters stitch nothing, whatever the kind."""
    assert normalise(kind, value, "GB") is None


@given(st.text(max_size=20).filter(lambda kind: kind not in set(Kind)), st.text(max_size=20))
def test_unknown_kinds_join_nobody(kind: str, value: str) -> None:
    """A device, a ticket or any other kind is kept on the feedback and stitches nothing."""
    assert normalise(kind, value, "GB") is None


@given(st.sampled_from(list(Kind)), st.text(max_size=60))
def test_any_text_is_normalised_or_refused(kind: Kind, value: str) -> None:
    """No text makes normalising fail; the answer is a handle of that kind or None."""
    handle = normalise(kind, value, "GB")
    assert handle is None or (handle.startswith(f"{kind}:") and len(handle) > len(kind) + 1)


@given(st.lists(st.text("abcdef0123456789", min_size=1, max_size=8), min_size=6, max_size=6))
def test_persons_sort_by_strength(values: list[str]) -> None:
    """Whatever the values are, the person of a stronger kind of handle is the lesser id; no handle is the greatest."""
    persons = [own_person(f"{kind}:{value}") for kind, value in zip(Kind, values, strict=True)]
    persons.append(anonymous_person(moment_id("/s", values[0])))
    assert persons == sorted(persons)


def test_one_person_a_handle() -> None:
    """Different handles have different persons, the same one has the same, and an id is short ASCII."""
    handles = [f"{kind}:{value}" for kind, value in itertools.product(Kind, ("a", "b"))]
    persons = [own_person(handle) for handle in handles]
    assert len(set(persons)) == len(handles)
    assert persons == [own_person(handle) for handle in handles]
    assert all(person.isascii() and len(person) <= 64 for person in persons)


@settings(max_examples=30)
@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_ids_are_derived(source: str, event: str, other_source: str, other_event: str) -> None:
    """The id of a moment is the same for the same source and event, and another one for others."""
    one, other = moment_id(source, event), moment_id(other_source, other_event)
    assert (one == other) == ((f"{source}\n{event}") == (f"{other_source}\n{other_event}"))
    assert UUID(one).version == 5


def test_ids_of_different_things_differ() -> None:
    """A moment, an alert, a case and an event of the same words never share an id."""
    assert len({moment_id("a", "b"), alert_id("a", "b"), case_id("a", "b", ""), event_id(b"a\nb")}) == 4
    assert event_id(b"x") == event_id(b"x") != event_id(b"y")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=12))
def test_everybody_is_the_least_of_whom_they_proved_to_be(pairs: list[tuple[str, str]]) -> None:
    """In whatever order and however often it is told, each id leads to the least of all that are one with it."""
    whole = {one: {one} for one in "abcdef"}
    for one, other in pairs:
        both = whole[one] | whole[other]
        whole |= dict.fromkeys(both, both)
    expected = {one: min(all_of) for one, all_of in whole.items() if min(all_of) != one}
    assert proved_one(pairs) == proved_one(pairs[::-1] * 2) == expected
