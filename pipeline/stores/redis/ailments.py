"""What is wrong with a Redis for Heartline, and the command that mends it: for `heartline doctor`."""

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from pipeline.stores.redis.troubles import meaning

OLDEST = (6, 2)
FULL = 0.9


async def ailments(client: Redis) -> list[str]:
    """Answer one line for each ailment, with what mends it; empty for a healthy Redis.

    Raises Unavailable and Misconfigured where it cannot be asked at all.
    """
    try:
        info = await client.info()
        settings = await _settings(client)
    except (RedisError, OSError) as error:
        raise meaning(error) from error
    found = []
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        found.append(f"Redis {version} is too old: install Redis 6.2 or later, or Valkey")
    if info.get("role") == "slave":
        primary = f"{info.get('master_host')}:{info.get('master_port')}"
        found.append(f"this Redis is a read-only replica: set the Redis URL to its primary {primary}")
    policy = settings.get("maxmemory-policy", info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        found.append(f"Redis may evict what Heartline keeps ({policy}): CONFIG SET maxmemory-policy noeviction")
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit and used > FULL * limit:
        found.append(f"Redis is nearly full ({used} of {limit} bytes): CONFIG SET maxmemory {2 * limit}")
    if not info.get("aof_enabled") and settings.get("save", "unknown") == "":
        found.append("warning: Redis keeps nothing over a restart: CONFIG SET appendonly yes")
    elif not info.get("aof_enabled"):
        found.append("warning: Redis can lose minutes in a crash, it writes snapshots only: CONFIG SET appendonly yes")
    if info.get("aof_last_write_status", "ok") != "ok" or info.get("rdb_last_bgsave_status", "ok") != "ok":
        found.append("Redis cannot write to its disk: free space, then BGSAVE and look at INFO persistence")
    return found


async def _settings(client: Redis) -> dict[str, str]:
    """Answer what can be learned of the configuration; managed services do not let everybody read it."""
    try:
        found = await client.config_get("maxmemory-policy", "save")
    except ResponseError:
        return {}
    return {_text(name): _text(value) for name, value in found.items()}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
