"""Buckets: the 64 slices of all keys, so that one script call serves every person of a slice.

A bucket is ``murmur2(key) & 63``. Kafka's default partitioner takes ``(murmur2(key) & 0x7fffffff) % partitions``,
so with a power of two up to 64 partitions all keys of a bucket are on one partition and one worker owns it.
"""

from functools import lru_cache

BUCKETS = 64
_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


@lru_cache(maxsize=131_072)
def murmur2(key: bytes) -> int:
    """Answer Kafka's 32-bit murmur2 of ``key``, unsigned (org.apache.kafka.common.utils.Utils.murmur2)."""
    length = len(key)
    value = 0x9747B28C ^ length
    whole = length & ~3
    for start in range(0, whole, 4):
        word = (int.from_bytes(key[start : start + 4], "little") * _M) & _MASK
        word = ((word ^ (word >> 24)) * _M) & _MASK
        value = ((value * _M) & _MASK) ^ word
    if length > whole:
        value = ((value ^ int.from_bytes(key[whole:], "little")) * _M) & _MASK
    value = ((value ^ (value >> 13)) * _M) & _MASK
    return value ^ (value >> 15)


def bucket_of(key: str) -> int:
    """Answer the bucket (0…63) of a person or a handle."""
    return murmur2(key.encode()) & (BUCKETS - 1)


def partition_of(key: bytes, partitions: int) -> int:
    """Answer the partition that every Kafka client with the default partitioner gives ``key``."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
