"""The small network, learning: slopes against differences, answers against the reader's network."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.readers.network import Network
from pipeline.readers.training.export import exported, taught
from pipeline.readers.training.student import Texts, forwards, learnt, outputs, started
from pipeline.readers.training.targets import answers
from pipeline.readers.training.teaching import Course, teach
from pipeline.readers.verdict import NEGATIVE, OUTPUTS, VALENCE, Scale

CHANCE = np.random.default_rng(11)
IDS = [[int(one) for one in CHANCE.integers(1, 40, length)] for length in (1, 2, 7, 7, 12)]
TEXTS = Texts(IDS, CHANCE.uniform(-1, 1, len(IDS)).astype(np.float32))


def small() -> dict[str, Any]:
    """Answer untaught weights over forty pieces."""
    chance = np.random.default_rng(2)
    return started(chance.standard_normal((40, 9)), chance, wide=6, hidden=10)


def test_slopes_are_those_of_the_loss() -> None:
    """The slope in every weight is the difference that a small step makes, chance and padding included."""
    weights = {name: weight.astype(np.float64) for name, weight in small().items()}
    weights["place_bias"][:] += 3  # so that places speak
    wanted = answers(CHANCE.normal(0, 2, (len(IDS), OUTPUTS))).astype(np.float64)

    def lost() -> float:
        return learnt(weights, TEXTS, wanted, np.random.default_rng(4))[0]

    _, slopes, met = learnt(weights, TEXTS, wanted, np.random.default_rng(4))
    assert met.tolist() == sorted({one for ids in IDS for one in ids})
    for name, slope in slopes.items():
        flat = weights[name].reshape(-1)
        for place in CHANCE.choice(flat.size, min(12, flat.size), replace=False):
            kept = flat[place]
            flat[place] = kept + 1e-5
            up = lost()
            flat[place] = kept - 1e-5
            down = lost()
            flat[place] = kept
            if name == "pieces":
                row = place // weights[name].shape[1]
                found = slope[met.tolist().index(row)][place % weights[name].shape[1]] if row in met else 0
            else:
                found = slope.reshape(-1)[place]
            np.testing.assert_allclose(found, (up - down) / 2e-5, rtol=2e-3, atol=2e-5, err_msg=name)


def test_the_reader_answers_the_same() -> None:
    """What was taught and written to a file says the same in the reader's network, text by text."""
    file = exported(small(), Scale())
    said = Network(file).answer(IDS, TEXTS.tones.tolist())
    np.testing.assert_allclose(said.whole, outputs(taught(file), TEXTS), rtol=1e-4, atol=1e-5)
    assert np.abs(taught(file)["pieces"] - small()["pieces"]).max() < np.abs(small()["pieces"]).max() / 100


def test_padding_changes_nothing() -> None:
    """A text is answered the same beside longer ones."""
    together, _ = forwards(small(), TEXTS)
    for place in range(len(IDS)):
        alone, _ = forwards(small(), TEXTS.some(np.array([place])))
        np.testing.assert_allclose(alone[0], together[place], rtol=1e-5, atol=1e-6)


def test_the_network_learns_and_repeats() -> None:
    """Taught that one piece hurts and another is glad, it says so in new texts; the same lessons give the same."""
    chance = np.random.default_rng(0)
    ids = [[int(one) for one in chance.integers(10, 40, 5)] + [5 + place % 2] for place in range(300)]
    wanted = np.zeros((300, OUTPUTS), np.float32)
    wanted[::2, NEGATIVE], wanted[::2, VALENCE], wanted[1::2, VALENCE] = 1, -2, 2
    course = Course(Texts(ids, np.zeros(300, np.float32)), wanted)

    def taught_once() -> dict[str, NDArray[Any]]:
        weights = small()
        teach(weights, [course], np.random.default_rng(1), lambda _: None, epochs=120, rate=2e-2, size=32)
        return weights

    weights, again = taught_once(), taught_once()
    said = outputs(weights, Texts([[20, 5, 30], [20, 6, 30]], np.zeros(2, np.float32)))
    assert said[0, NEGATIVE] > 0 > said[1, NEGATIVE]
    assert said[0, VALENCE] < -1 < 1 < said[1, VALENCE]
    assert all((one == again[name]).all() for name, one in weights.items())
