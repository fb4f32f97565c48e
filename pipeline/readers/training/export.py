"""From weights as they are taught to the file that the fast reader loads, and back."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.readers.training.student import Weights
from pipeline.readers.verdict import Scale

CODE_MAX: Final = 127
TAUGHT: Final = (
    "first", "first_bias", "second", "second_bias", "place", "place_bias", "hidden", "hidden_bias", "head",
    "head_bias",
)  # fmt: skip


def exported(weights: Mapping[str, NDArray[Any]], scale: Scale) -> dict[str, NDArray[Any]]:
    """Answer the arrays of the file: each piece's vector as whole numbers and one factor, the rest as it is."""
    pieces = weights["pieces"]
    factors = np.abs(pieces).max(axis=1) / CODE_MAX
    factors[factors == 0] = 1
    return {
        "pieces": np.rint(pieces / factors[:, None]).astype(np.int8),
        "pieces_scale": factors.astype(np.float32),
        **{name: weights[name].astype(np.float32) for name in TAUGHT},
        **scaled(scale),
    }


def scaled(scale: Scale) -> dict[str, NDArray[Any]]:
    """Answer the arrays of a scale, as ``Scale.of`` reads them."""
    return {
        "negative_scale": np.array(scale.negative, np.float64),
        "primary_scale": np.array(scale.primary, np.float64),
        "named_from": np.array(scale.named_from, np.float64),
        "sure_from": np.array(scale.sure_from, np.float64),
    }


def taught(file: Mapping[str, NDArray[Any]]) -> Weights:
    """Answer the weights of a file, to be taught further."""
    pieces = file["pieces"].astype(np.float32) * file["pieces_scale"].astype(np.float32)[:, None]
    return {"pieces": pieces, **{name: np.array(file[name], np.float32) for name in TAUGHT}}
