"""The stores in Redis (or Valkey): one file for each door, every key in ``keys``."""

from pipeline.stores.redis.ailments import ailments
from pipeline.stores.redis.stores import RedisStores, open_stores

__all__ = ["RedisStores", "ailments", "open_stores"]
