"""The question that a Kafka-protocol broker is asked to see whether it is ready."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

ASK_MS_MAX = 3_000


async def serves(address: str, cluster: str) -> bool:
    """Whether the broker at ``address`` belongs to ``cluster`` and knows itself and its controller."""
    client = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=ASK_MS_MAX)
    try:
        await client.start()
        told = await client.describe_cluster()
    except KafkaError:
        return False
    finally:
        await client.close()
    return bool(told["cluster_id"] == cluster and told["brokers"] and told["controller_id"] >= 0)
