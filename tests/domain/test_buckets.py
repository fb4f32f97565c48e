"""Buckets: every key is where Kafka's own partitioner puts it."""

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.buckets import BUCKETS, bucket_of, murmur2, partition_of


@settings(max_examples=100)
@given(st.binary(max_size=64))
def test_murmur2_is_kafkas(key: bytes) -> None:
    """The hash equals aiokafka's for every key, of every length."""
    assert murmur2(key) == reference(key) & 0xFFFFFFFF


def test_murmur2_of_known_keys() -> None:
    """The hash equals the values that Apache Kafka's own UtilsTest holds."""
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536, b"abc": 479470107}
    assert {key: murmur2(key) for key in known} == {key: value & 0xFFFFFFFF for key, value in known.items()}


@settings(max_examples=60)
@given(st.binary(max_size=40), st.integers(1, 100))
def test_partition_is_the_default_partitioners(key: bytes, partitions: int) -> None:
    """A key goes to the partition that the default partitioner of a Kafka client gives it."""
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, every, every)


@settings(max_examples=60)
@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
def test_a_bucket_is_on_one_partition(one: str, other: str, partitions: int) -> None:
    """With a power of two up to 64 partitions, keys of one bucket are on one partition."""
    assert 0 <= bucket_of(one) < BUCKETS
    assert partition_of(one.encode(), partitions) == bucket_of(one) % partitions
    if bucket_of(one) == bucket_of(other):
        assert partition_of(one.encode(), partitions) == partition_of(other.encode(), partitions)
