"""What errors of Redis mean."""

import pytest
from redis import exceptions

from pipeline.domain.errors import HeartlineError, Misconfigured, Unavailable
from pipeline.stores.redis.troubles import meaning

SHUT = [
    (exceptions.ConnectionError("Connection refused"), "start it"),
    (exceptions.MaxConnectionsError("Too many connections"), "reached"),
    (OSError("no route"), "reached"),
    (TimeoutError(), "in time"),
    (exceptions.TimeoutError("Timeout reading from socket"), "in time"),
    (exceptions.InvalidResponse("?"), "reached"),
    (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "loading"),
    (exceptions.ReadOnlyError("You can't write against a read only replica."), "REPLICAOF"),
    (exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "maxmemory"),
    (exceptions.ResponseError("ERR Error running script (call to f_1): @user_script:3: -OOM command not"), "maxmemory"),
    (exceptions.ClusterDownError("Hash slot not served"), "CLUSTER INFO"),
    (exceptions.MasterDownError("Link with MASTER is down"), "primary"),
    (exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."), "replicas"),
    (exceptions.ResponseError("MISCONF Errors writing to the AOF file"), "disk"),
    (exceptions.ResponseError("BUSY Redis is busy running a script."), "SCRIPT KILL"),
    (exceptions.NoScriptError("No matching script."), "SCRIPT FLUSH"),
]
WRONG = [
    (exceptions.AuthenticationError("invalid username-password pair"), "password"),
    (exceptions.NoPermissionError("User default has no permissions"), "ACL"),
    (exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), "prefix"),
    (exceptions.MovedError("1234 127.0.0.1:7001"), "Cluster"),
    (exceptions.ResponseError("ERR unknown command 'EVALSHA'"), "doctor"),
]


@pytest.mark.parametrize(
    ("error", "kind", "advice"), [(e, Unavailable, a) for e, a in SHUT] + [(e, Misconfigured, a) for e, a in WRONG]
)
def test_every_error_has_a_fate_and_advice(error: Exception, kind: type[HeartlineError], advice: str) -> None:
    """What may pass is Unavailable, what will not is Misconfigured, and each message says what to do."""
    found = meaning(error)
    assert type(found) is kind
    assert advice in str(found)
