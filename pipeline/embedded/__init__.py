"""Servers that are started and stopped for you: a Kafka-protocol broker and Valkey, on loopback."""
