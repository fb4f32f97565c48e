"""``python -m agents [agent …]``: a worker, with its settings from the environment (``HEARTLINE_…``)."""

import sys

from agents.app import AGENTS
from agents.worker import EXIT_MISCONFIGURED, run
from pipeline.domain.errors import Misconfigured
from pipeline.settings import load_settings


def main() -> int:
    """Run a worker with the agents that are named, or all."""
    only = sys.argv[1:]
    unknown = [name for name in only if name not in AGENTS]
    if unknown:
        sys.stderr.write(f"no agent {', '.join(unknown)}; there are: {', '.join(AGENTS)}\n")
        return EXIT_MISCONFIGURED
    try:
        settings = load_settings()
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_MISCONFIGURED
    return run(settings, only)


if __name__ == "__main__":
    sys.exit(main())
