"""The command line: one file a command; ``app`` brings them together, ``frame`` is what they have in common."""
