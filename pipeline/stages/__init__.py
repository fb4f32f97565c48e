"""What happens to what flows: one verb a file. Each takes a whole batch and leaves what to send in an Outcome."""
