"""Every key that Heartline keeps in Redis.

``{p}`` is the prefix of the settings. The bucket of a person or a handle stands in braces, so that Redis Cluster
puts all keys of a bucket into one slot and one script call can serve every person of the bucket.

=============================== ====== ================================================= =======================
key                             type   holds                                             lives
=============================== ====== ================================================= =======================
``{p}:{b17}:handles``           hash   handle → person                                   as long as the person
``{p}:{b17}:person:<person>``   hash   v version, f figures as JSON, m where it moved    for good
``{p}:{b17}:when:<person>``     zset   id of every moment ever joined → at_ms; dedupes   until the person moves
``{p}:{b17}:words:<person>``    hash   id → Moment as JSON, of the newest moments        until the person moves
``{p}:{b17}:outbox``            hash   alert id → the alert to send                      until sent and confirmed
``{p}:{b17}:cases:<person>``    hash   touchpoint → version, id, team, Case as JSON      as long as the case is kept
``{p}:{b17}:open``              zset   person and touchpoint of open cases → −opened_ms  as long as the case is open
``{p}:{b17}:team:<team>``       zset   the same, of one team                             as long as the case is open
``{p}:attempts:<topic>``        hash   partition → first and last offset, times begun    for good; one field each
``{p}:replayed``                hash   digest of a reject → when it was sent back         for good
``{p}:worker:<worker>``         string what a worker says of itself, as JSON             10 s after it fell silent
=============================== ====== ================================================= =======================

Nothing else expires by itself. A script is given the stem of a bucket (``{p}:{b17}:``) as its only key: it decides the
slot, and all that the script touches begins with it. ``LUA`` is what a script builds its keys with.
"""

import re
from dataclasses import dataclass, field

from pipeline.domain.buckets import BUCKETS, bucket_of
from pipeline.domain.errors import Misconfigured

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

LUA = """
local stem = KEYS[1]
local function person_key(person) return stem .. 'person:' .. person end
local function when_key(person) return stem .. 'when:' .. person end
local function words_key(person) return stem .. 'words:' .. person end
local function cases_key(person) return stem .. 'cases:' .. person end
local function team_key(team) return stem .. 'team:' .. team end
local handles_key, outbox_key, open_key = stem .. 'handles', stem .. 'outbox', stem .. 'open'
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds the keys of one prefix. Raises Misconfigured where the prefix could break a key or a pattern."""

    prefix: str
    stems: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise Misconfigured(
                f"the Redis prefix {self.prefix!r} must be 1 to 64 of A-Z a-z 0-9 _ . : - (setting HEARTLINE_PREFIX)"
            )
        object.__setattr__(self, "stems", tuple(f"{self.prefix}:{{b{bucket}}}:" for bucket in range(BUCKETS)))

    def stem(self, key: str) -> str:
        """Answer what all keys of the bucket of ``key`` (a person or a handle) begin with."""
        return self.stems[bucket_of(key)]

    def handles(self, stem: str) -> str:
        """Answer the hash of the handles of a bucket."""
        return f"{stem}handles"

    def outbox(self, stem: str) -> str:
        """Answer the hash of the alerts of a bucket that are not confirmed."""
        return f"{stem}outbox"

    def person(self, person: str) -> str:
        """Answer the hash of a person's state."""
        return f"{self.stem(person)}person:{person}"

    def when(self, person: str) -> str:
        """Answer the sorted set of a person's moments by time."""
        return f"{self.stem(person)}when:{person}"

    def words(self, person: str) -> str:
        """Answer the hash of a person's moments with their words."""
        return f"{self.stem(person)}words:{person}"

    def cases(self, person: str) -> str:
        """Answer the hash of a person's cases."""
        return f"{self.stem(person)}cases:{person}"

    def open(self, stem: str, team: str | None) -> str:
        """Answer the sorted set of the open cases of a bucket, or of one team in it."""
        return f"{stem}open" if team is None else f"{stem}team:{team}"

    def attempts(self, topic: str) -> str:
        """Answer the hash of the attempts at a topic."""
        return f"{self.prefix}:attempts:{topic}"

    @property
    def persons(self) -> str:
        """The pattern that the keys of all persons match."""
        return f"{self.prefix}:{{b*}}:person:*"

    def person_of(self, key: bytes) -> str:
        """Answer whose state ``key`` (one that matches ``persons``) holds."""
        return key.decode()[len(self.prefix) :].split(":", 3)[3]

    def worker(self, worker: str) -> str:
        """Answer the string that a worker's report stands in; ``*`` for the pattern of all."""
        return f"{self.prefix}:worker:{worker}"
