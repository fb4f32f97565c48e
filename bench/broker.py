"""What the benchmarks ask and tell Kafka, through a client that none of the contestants uses (librdkafka)."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from time import monotonic, sleep

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipeline.buses.topics import apply, inspect
from pipeline.domain.buckets import partition_of
from pipeline.flow import TOPICS
from pipeline.ports import Send
from pipeline.settings import Settings

ANSWER_SECONDS_MAX = 20.0
JOIN_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1


def partitions_of(topic: str, most: int) -> int:
    """Answer how many partitions a topic (with its prefix) has where ``most`` is the setting."""
    return next((each.partitions(most) for each in TOPICS if each.per_team and f"{each.name}." in topic), most)


class Broker:
    """One Kafka at ``address`` (host:port)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._admin = self._new_admin()

    def _new_admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def make_topics(self, settings: Settings, teams: Sequence[str]) -> None:
        """Make the topics of Heartline under the prefix of ``settings``, and wait until the broker tells of them."""
        asyncio.run(apply(settings, teams))
        end = monotonic() + ANSWER_SECONDS_MAX
        while any(state.ailments for state in asyncio.run(inspect(settings, teams))):
            if monotonic() > end:
                raise RuntimeError(f"the topics of {settings.prefix} are not there after {ANSWER_SECONDS_MAX:.0f} s")
            sleep(POLL_SECONDS)

    def drop_topics(self, prefix: str) -> None:
        """Delete every topic whose name begins with ``prefix``."""
        names = [name for name in self._admin.list_topics(timeout=ANSWER_SECONDS_MAX).topics if name.startswith(prefix)]
        for done in self._admin.delete_topics(names).values() if names else ():
            with suppress(Exception):  # it is only tidying up
                done.result(ANSWER_SECONDS_MAX)

    def load(self, topic: str, sends: Iterable[Send], partitions: int) -> None:
        """Write ``sends`` to ``topic`` and return when the broker has all of them."""
        lost = []
        producer = Producer(
            {
                "bootstrap.servers": self.address,
                "log_level": 0,
                "linger.ms": 20,
                "batch.size": 500_000,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        for send in sends:
            producer.produce(
                topic,
                value=send.value,
                key=send.key,
                headers=list(send.headers),
                partition=partition_of(send.key or b"", partitions),
                on_delivery=lambda error, _: lost.append(error) if error else None,
            )
            producer.poll(0)
        if producer.flush(ANSWER_SECONDS_MAX) or lost:
            raise RuntimeError(f"the load did not get into {topic}: {lost[:1]}")

    def joined(self, groups: Sequence[str], members: int, topics: Sequence[str], partitions: int) -> Iterator[str]:
        """Answer how far they are, again and again, until the groups together read every partition of ``topics``.

        Each group has ``members`` members then. Raises RuntimeError where that takes too long.
        """
        wanted = sum(partitions_of(topic, partitions) for topic in topics)
        end, told_last = monotonic() + JOIN_SECONDS_MAX, ""
        while monotonic() < end:
            sleep(POLL_SECONDS)
            yield told_last
            try:
                told = [done.result(ANSWER_SECONDS_MAX) for done in self._describe(groups)]
            except (KafkaException, TimeoutError) as error:
                told_last = repr(error)
                # A new broker has no coordinator at first, and a client that has asked too early asks in vain for long.
                self._admin = self._new_admin()
                continue
            assigned = sum(
                tp.topic in topics
                for group in told
                for member in group.members
                for tp in member.assignment.topic_partitions
            )
            stable = all(group.state.name == "STABLE" and len(group.members) == members for group in told)
            told_last = f"{assigned} of {wanted} partitions are read"
            if stable and assigned == wanted:
                return
        raise RuntimeError(f"the workers did not join {', '.join(groups)}: {told_last}")

    def _describe(self, groups: Sequence[str]) -> Iterable[object]:
        return self._admin.describe_consumer_groups(list(groups), request_timeout=2.0).values()

    def committed(self, groups: Sequence[str], topics: Sequence[str], partitions: int) -> dict[tuple[str, int], int]:
        """Answer the committed offset of every partition of ``topics``, by whichever of the groups reads it."""
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in range(partitions_of(topic, partitions))
        ]
        answer = dict.fromkeys(((place.topic, place.partition) for place in places), 0)
        for group in groups:
            told = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
            for place in next(iter(told.values())).result(ANSWER_SECONDS_MAX).topic_partitions:
                key = (place.topic, place.partition)
                answer[key] = max(answer[key], place.offset)
        return answer

    def ends(self, topics: Sequence[str], partitions: int) -> dict[tuple[str, int], int]:
        """Answer the offset behind the last record of every partition."""
        return {place: told.offset for place, told in self._offsets(topics, partitions, OffsetSpec.latest()).items()}

    def newest(self, topics: Sequence[str], partitions: int) -> float:
        """Answer when the newest record of ``topics`` was written by its producer (seconds since 1970)."""
        told = self._offsets(topics, partitions, OffsetSpec.max_timestamp())
        return max((offset.timestamp for offset in told.values()), default=0) / 1000

    def _offsets(self, topics: Sequence[str], partitions: int, spec: OffsetSpec) -> dict[tuple[str, int], object]:
        wanted = {
            TopicPartition(topic, partition): spec
            for topic in topics
            for partition in range(partitions_of(topic, partitions))
        }
        return {
            (place.topic, place.partition): done.result(ANSWER_SECONDS_MAX)
            for place, done in self._admin.list_offsets(wanted).items()
        }

    def records(self, topics: Sequence[str], partitions: int) -> list[object]:
        """Answer all messages of ``topics``."""
        consumer = Consumer(
            {"bootstrap.servers": self.address, "group.id": "bench-reader", "enable.auto.commit": False}
        )
        left = {place: end for place, end in self.ends(topics, partitions).items() if end}
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in left])
        found: list[object] = []
        try:
            while left:
                for message in consumer.consume(5_000, timeout=1.0):
                    found.append(message)
                    place = (message.topic(), message.partition())
                    if message.offset() + 1 >= left.get(place, 0):
                        left.pop(place, None)
        finally:
            consumer.close()
        return found
