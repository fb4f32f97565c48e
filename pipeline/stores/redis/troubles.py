"""What an error of Redis means for Heartline: shut for now, or wrongly set up."""

from redis import exceptions

from pipeline.domain.errors import HeartlineError, Misconfigured, Unavailable

# Codes of replies, and what to do. They are looked for anywhere in the reply: inside a script, older servers
# put words of their own before the code.
PASSING = {
    "OOM": "Redis is full; raise its maxmemory (CONFIG SET maxmemory …) or free memory",
    "READONLY": "Redis is a read-only replica; point to the primary, or promote it (REPLICAOF NO ONE)",
    "MISCONF": "Redis cannot write its snapshot to disk; free disk space and look into its log",
    "LOADING": "Redis is still loading its data; it will answer when that is done",
    "CLUSTERDOWN": "the Redis Cluster does not serve every slot; look at CLUSTER INFO",
    "MASTERDOWN": "the primary of this Redis replica is down; start it or promote a replica",
    "NOREPLICAS": "Redis has too few replicas in sync to write (min-replicas-to-write); start them",
    "TRYAGAIN": "the Redis Cluster is moving a slot; it will answer when that is done",
    "NOSCRIPT": "Redis loses scripts as they are loaded; look for what runs SCRIPT FLUSH",
    "BUSY": "Redis is busy with somebody's script; wait for it or stop it (SCRIPT KILL)",
    "UNKILLABLE": "Redis is busy with somebody's script; wait for it",
}
LASTING = {
    "NOPERM": "the user of the Redis URL may not run this; give it the commands and keys that it needs (ACL SETUSER)",
    "NOAUTH": "Redis wants a password; put user and password into the Redis URL",
    "WRONGPASS": "Redis refuses the user or the password of the Redis URL; mend them",
    "WRONGTYPE": "a key of Heartline holds something else in Redis; give Heartline a prefix of its own",
    "MOVED": "this Redis is one node of a Cluster; Heartline needs a URL that serves all slots",
    "CROSSSLOT": "this Redis is one node of a Cluster; Heartline needs a URL that serves all slots",
}
# redis-py takes the code away from the replies that it knows.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.AuthenticationError, "NOAUTH"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.NoScriptError, "NOSCRIPT"),
    (exceptions.MovedError, "MOVED"),
    (exceptions.ClusterCrossSlotError, "CROSSSLOT"),
)
AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.InvalidResponse, OSError)


def meaning(error: Exception) -> HeartlineError:
    """Answer what ``error`` (of redis-py, or a reply) is to Heartline: Unavailable or Misconfigured."""
    said = str(error)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    if code is None:
        words = said.replace(":", " ").replace("-", " ").split()
        code = next((word for word in words if word in PASSING or word in LASTING), None)
    if code in PASSING:
        return Unavailable(f"{PASSING[code]} ({said})")
    if code in LASTING:
        return Misconfigured(f"{LASTING[code]} ({said})")
    if isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return Unavailable(f"Redis does not answer in time; look at its load and the network to it ({said})")
    if isinstance(error, AWAY):
        return Unavailable(f"Redis cannot be reached; start it, or mend the Redis URL ({said})")
    return Misconfigured(f"Redis refuses a command of Heartline; `heartline doctor` looks for why ({said})")
