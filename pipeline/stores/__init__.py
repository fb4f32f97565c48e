"""Where persons, timelines, cases and attempts are kept: twins in memory, and Redis."""
