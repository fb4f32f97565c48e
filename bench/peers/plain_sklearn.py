"""The peer of the readers: what a data scientist writes in an afternoon with scikit-learn.

TF-IDF over single words and pairs, a logistic regression for "negative" and one for the primary emotion. The
vocabulary comes from the benchmark's texts, so that it has the size that it has in practice; the weights from labels.
It answers two numbers a text, and no words that show why.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pipeline.readers.labels import Label, parse_label

ROWS_MIN_OF_A_TERM = 2
ITERATIONS_MAX = 300


class PlainPipeline(NamedTuple):
    """Reads texts by two logistic regressions over one TF-IDF."""

    terms: TfidfVectorizer
    negative: LogisticRegression
    primary: LogisticRegression

    def read(self, texts: Sequence[str]) -> list[tuple[float, str]]:
        """Answer the probability of being negative and the primary emotion of each text."""
        found = self.terms.transform(texts)
        return list(zip(self.negative.predict_proba(found)[:, 1], self.primary.predict(found), strict=True))


def fitted(labels: Sequence[Label], texts: Sequence[str]) -> PlainPipeline:
    """Answer the pipeline: its vocabulary from ``texts``, its weights from the clear ones of ``labels``."""
    clear = [label for label in labels if label.negative is not None and label.understood]
    terms = TfidfVectorizer(ngram_range=(1, 2), min_df=ROWS_MIN_OF_A_TERM).fit(texts)
    found = terms.transform([label.text for label in clear])
    negative = LogisticRegression(max_iter=ITERATIONS_MAX).fit(found, [label.negative for label in clear])
    primaries = [label.primaries[0] or "none" for label in clear]
    return PlainPipeline(terms, negative, LogisticRegression(max_iter=ITERATIONS_MAX).fit(found, primaries))


def read_labels(paths: Sequence[Path]) -> list[Label]:
    """Answer the labels of these files, those of the split "dev" left out. Raises Rejected."""
    lines = [line for path in paths for line in path.read_bytes().splitlines() if line.strip()]
    return [label for label in map(parse_label, lines) if label.split != "dev"]
