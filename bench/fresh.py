"""What a reader costs a process that has just started: ``python -m bench.fresh NAME`` prints one JSON object.

``load_ms`` is the time from the first import to the first reading, ``loaded_mb`` the resident memory then, ``read_mb``
that after the texts on standard input, one a line, were read in batches, for READ_SECONDS_MAX at most: ``texts`` of
them. NAME is a reader, ``vaderSentiment``, or the path of a scikit-learn pipeline that joblib wrote.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from itertools import islice
from time import perf_counter

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BATCH = 256
RUNS = 5
READ_SECONDS_MAX = 10.0
FIRST = "Third time I explain this and nobody calls back!"


def measured(name: str, texts: Sequence[str]) -> dict[str, float]:
    """Answer the medians of RUNS fresh processes, one thread each, that read ``texts``. Raises CalledProcessError."""
    command = [sys.executable, "-m", "bench.fresh", name]
    given = "\n".join(texts).encode()
    there = os.environ | ONE_THREAD
    runs = [
        json.loads(subprocess.run(command, check=True, input=given, stdout=subprocess.PIPE, env=there).stdout)
        for _ in range(RUNS)
    ]
    return {figure: round(statistics.median(run[figure] for run in runs), 1) for figure in runs[0]}


def main(name: str) -> None:
    """Load the reader, read, and print what it took."""
    start = perf_counter()
    if name == "vaderSentiment":
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        library = SentimentIntensityAnalyzer()
        read = lambda texts: [library.polarity_scores(text) for text in texts]  # noqa: E731
    elif os.sep in name:
        import joblib

        read = joblib.load(name).read
    else:
        from pipeline.readers import open_reader

        read = open_reader(name).read
    read([FIRST])
    load_ms = (perf_counter() - start) * 1000
    loaded_mb = resident_mb()

    texts, end = 0, perf_counter() + READ_SECONDS_MAX
    while perf_counter() < end and (lines := list(islice(sys.stdin, BATCH))):
        read([line.rstrip("\n") for line in lines])
        texts += len(lines)
    sys.stdin.read()
    print(json.dumps({"load_ms": load_ms, "loaded_mb": loaded_mb, "read_mb": resident_mb(), "texts": texts}))


def resident_mb() -> float:
    """Answer the resident memory of this process."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


if __name__ == "__main__":
    main(sys.argv[1])
