"""The keys, and the table that documents them."""

import pytest

from pipeline.domain.buckets import bucket_of
from pipeline.domain.errors import Misconfigured
from pipeline.stores.redis import keys as keys_module
from pipeline.stores.redis.keys import Keys


def test_the_hash_tag_is_the_bucket() -> None:
    """All keys of a person stand in the braces of its bucket, which is the first pair in the key."""
    keys = Keys("hl")
    person = "p{1}-ä:b"
    tag = f"b{bucket_of(person)}"
    for key in (
        keys.person(person),
        keys.cases(person),
        keys.outbox(keys.stem(person)),
        keys.handles(keys.stem(person)),
    ):
        assert key[key.index("{") + 1 : key.index("}")] == tag
    assert len(set(keys.stems)) == 64


@pytest.mark.parametrize("person", ["p1-a", "p:1", "person:x", "ä\n{x}"])
@pytest.mark.parametrize("prefix", ["hl", "eu.hl:prod", "a:b:c"])
def test_the_person_of_a_key(prefix: str, person: str) -> None:
    """Whatever prefix and person are made of, the person is read out of the key again."""
    keys = Keys(prefix)
    assert keys.person_of(keys.person(person).encode()) == person


@pytest.mark.parametrize("prefix", ["", "a b", "{x}", "a*", "x" * 65, "a\n"])
def test_a_prefix_that_breaks_keys_is_refused(prefix: str) -> None:
    """Braces would move the hash tag, wildcards would match other keys, an empty prefix would match all."""
    with pytest.raises(Misconfigured, match="prefix"):
        Keys(prefix)


def test_scripts_and_python_name_keys_alike() -> None:
    """Every kind of key that a script builds stands in the table, with its type and lifetime."""
    table = keys_module.__doc__ or ""
    for name in ("person", "when", "words", "cases", "team"):
        assert f"stem .. '{name}:'" in keys_module.LUA
        assert f"{{b17}}:{name}:<" in table
    for name in ("handles", "outbox", "open"):
        assert f"stem .. '{name}'" in keys_module.LUA
        assert f"{{b17}}:{name}``" in table
