"""Faust carries, the pipeline decides: the agents, one file a topic, and the driver that hands them record batches."""
