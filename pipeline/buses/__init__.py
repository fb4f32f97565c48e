"""Where records are sent and read: Kafka, and its twin in memory."""
