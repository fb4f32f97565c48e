"""The whole recipe, step by step; each leaves a file, so that a run that was ended goes on where it was.

1. *teacher*: MPNet-base, its lower half frozen, tuned on the labels.
2. *scores*: what the teacher says of some of the texts that are not judged by.
3. *towers*: MiniLM-L6, tuned on the labels and on the scores, twice: they err differently, and their mean is what the
   deep reader asks. They score all the texts, and others that are mixed of them.
4. *fast*: the small network, over the vectors that MiniLM as published and as tuned give each piece alone, taught what
   the towers say of those and, four times heavier, the labels.
5. each gets its scale on the split ``dev``, is written as its reader loads it, and judged on ``dev``, on the real texts
   of ``dev``, and on the sources that were held out whole.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from pipeline.domain.errors import Misconfigured
from pipeline.readers import weights as files
from pipeline.readers.fast import FastReader
from pipeline.readers.passages import PIECES_MAX, pooled
from pipeline.readers.training import corpus, published, student, transformer
from pipeline.readers.training.export import exported, scaled
from pipeline.readers.training.ground import LESSON, Ground
from pipeline.readers.training.judging import Figures, judged, read, readings, spread
from pipeline.readers.training.labels import Row
from pipeline.readers.training.scale import fitted
from pipeline.readers.training.targets import Array, answers, targets
from pipeline.readers.training.teaching import Course, Say, teach
from pipeline.readers.verdict import Scale

TEACHER: Final = transformer.Plan(epochs=2, rate=5e-5, size=32, pieces=110, fading=0.95, frozen=6)
DEEP: Final = transformer.Plan(epochs=2, rate=1.1e-4, size=32, pieces=126)
TOWERS: Final = 2  # of the deep reader
TEACHER_TEXTS_MAX: Final = {False: 51_000, True: 6_000}  # of feedback, and of comments of GoEmotions
FAST_EPOCHS: Final = 7
FAST_LAST_EPOCHS: Final = 2  # further ones, without the texts that nobody wrote
FAST_LAST_RATE: Final = 5e-4
MIXED_SHARE: Final = 0.7  # texts that are mixed for the fast one, of as many as there are
FAST_LABELS_WEIGHT: Final = 4.0
TUNED_SHARE: Final = 0.7  # of the tuned vectors of the pieces, beside those as published
FAST_LESSONS: Final = 4  # times that a lesson is met in an epoch
DEEP_FILE: Final = "deep.onnx"
DEEP_SCALE_FILE: Final = "deep_scale.npz"
REPORT_FILE: Final = "report.json"
SHOWN: Final = (
    "negative_f1", "negative_auc", "negative_ece", "primary_accuracy", "cluster_accuracy", "micro_f1", "valence_r",
)  # fmt: skip
Judged = dict[str, Figures]  # the rows that were judged by → figures


class Recipe(NamedTuple):
    """``work`` keeps what the steps leave, ``out`` gets the files of seed 0."""

    ground: Ground
    work: Path
    out: Path
    seeds: int
    say: Say
    quick: bool = False  # one epoch of each transformer

    def epochs(self, many: int) -> int:
        """Answer how many epochs a transformer is tuned for where ``many`` are meant."""
        return 1 if self.quick else many


def cook(recipe: Recipe) -> dict[str, Any]:
    """Run every step that was not run yet and answer the report, which ``work`` keeps too. Raises Misconfigured."""
    _open(recipe)
    given = _read_to(recipe)
    scores = _kept(recipe, "scores.npy", lambda: _scores(recipe, given))
    course = _soft(recipe, given, answers(scores))
    seeds = range(recipe.seeds)
    teacher = [_told(recipe, "teacher", lambda: _teacher_judged(recipe))]
    deep = [_told(recipe, f"deep-{seed}", partial(_deep, recipe, course, seed)) for seed in seeds]
    vectors = _kept(recipe, "vectors.npy", lambda: _vectors(recipe, course))
    texts = [*recipe.ground.texts.values()]
    texts += corpus.mixed(texts, int(MIXED_SHARE * len(texts)))
    said = _kept(recipe, "deep_scores.npy", lambda: _deep_scores(recipe, course, texts))
    fast = [
        _told(recipe, f"fast-{seed}", partial(_fast, recipe, texts, answers(said), vectors, seed)) for seed in seeds
    ]
    runs = {"teacher": teacher, "towers": deep, "fast": fast}
    report = {
        "rows": {name: len(rows) for name, rows in _judges(recipe.ground)} | {"train": len(recipe.ground.train)},
        "texts": len(recipe.ground.texts),
        "readers": {
            name: {rows: spread([run[rows] for run in judges]) for rows in judges[0]} for name, judges in runs.items()
        },
    }
    (recipe.work / REPORT_FILE).write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return report


def table(report: dict[str, Any]) -> str:
    """Answer the report as lines for people: mean and standard deviation over the seeds."""
    lines = [f"{'':<22}" + "".join(f"{name:>18}" for name in SHOWN)]
    for reader, judges in report["readers"].items():
        for rows, figures in judges.items():
            cells = [figures.get(name) for name in SHOWN]
            told = "".join(f"{'–' if cell is None else f'{cell[0]:.3f} ± {cell[1]:.3f}':>18}" for cell in cells)
            lines.append(f"{reader + ', ' + rows:<22}{told}")
    return "\n".join(lines)


def _open(recipe: Recipe) -> None:
    """Make the folder of the run, or take it up. Raises Misconfigured where it is of another one."""
    recipe.work.mkdir(parents=True, exist_ok=True)
    deep = (TEACHER, DEEP, TOWERS, TEACHER_TEXTS_MAX)
    mixing = (MIXED_SHARE, corpus.PAIRS_SHARE, corpus.PAIRED_WORDS, corpus.CUT_WORDS, corpus.JOINTS)
    fast = (FAST_EPOCHS, FAST_LAST_EPOCHS, FAST_LAST_RATE, FAST_LABELS_WEIGHT, FAST_LESSONS, TUNED_SHARE, mixing)
    mark, file = repr((recipe.ground.mark, recipe.quick, *deep, *fast)), recipe.work / "mark"
    if file.exists() and file.read_text("utf-8") != mark:
        raise Misconfigured(f"{recipe.work} is of another recipe or of other data; remove it, or give another --work")
    file.write_text(mark, "utf-8")


def _kept(recipe: Recipe, name: str, make: Callable[[], Array]) -> Array:
    path = recipe.work / name
    if not path.exists():
        recipe.say(f"{name} …")
        part = path.with_suffix(".part.npy")
        np.save(part, make())
        part.replace(path)
    found: Array = np.load(path, allow_pickle=False)
    return found


def _told(recipe: Recipe, name: str, make: Callable[[], Judged]) -> Judged:
    path = recipe.work / f"{name}.json"
    if not path.exists():
        recipe.say(f"{name} …")
        path.write_bytes(orjson.dumps(make()))
    found: Judged = orjson.loads(path.read_bytes())
    recipe.say(f"{name}: " + ", ".join(f"{figure} {found['dev'][figure]}" for figure in SHOWN))
    return found


def _teacher(recipe: Recipe) -> transformer.Weights:
    """Answer the tuned teacher."""
    return _tuned(recipe, "teacher", published.mpnet(), TEACHER, seed=0)


def _tuned(
    recipe: Recipe,
    name: str,
    model: published.Published,
    plan: transformer.Plan,
    *further: transformer.Course,
    seed: int,
) -> transformer.Weights:
    """Answer ``model`` as tuned on the labels and ``further`` courses, from the chance of ``seed``; kept."""
    path = recipe.work / f"{name}.safetensors"
    if not path.exists():
        weights, train = transformer.begun(model, seed), recipe.ground.train
        labels = transformer.Course(_edged(recipe, model, _texts(train), plan.pieces), targets(train))
        plan = plan._replace(epochs=recipe.epochs(plan.epochs))
        transformer.tune(weights, model.shape, [labels, *further], plan, seed=seed, say=recipe.say)
        transformer.save(path, weights)
    return transformer.load(path)


def _read_to(recipe: Recipe) -> list[str]:
    """Answer the texts that the teacher reads to MiniLM, drawn by chance: so much feedback, and so many comments."""
    comments = np.array([name.startswith(corpus.GOEMOTIONS) for name in recipe.ground.texts])
    chance, texts = np.random.default_rng(0), list(recipe.ground.texts.values())
    places = [chance.permutation(np.flatnonzero(comments == kind))[:most] for kind, most in TEACHER_TEXTS_MAX.items()]
    return [texts[place] for place in np.concatenate(places)]


def _scores(recipe: Recipe, given: Sequence[str]) -> Array:
    model, weights = published.mpnet(), _teacher(recipe)
    return transformer.scored(weights, model.shape, _edged(recipe, model, given, TEACHER.pieces), recipe.say)


def _teacher_judged(recipe: Recipe) -> Judged:
    weights, model = _teacher(recipe), published.mpnet()
    return _transformer_judged(recipe, [weights], model, Scale())[1]


def _soft(recipe: Recipe, given: Sequence[str], wanted: Array) -> transformer.Course:
    """Answer the scores as what MiniLM is taught; a share of them in each epoch, all of them once."""
    texts = _edged(recipe, published.minilm(), given, DEEP.pieces)
    return transformer.Course(texts, wanted, share=1 / DEEP.epochs)


def _vectors(recipe: Recipe, soft: transformer.Course) -> Array:
    """Answer a row a piece: what MiniLM makes of it alone, as published and as the first tower."""
    model = published.minilm()
    tuned = model._replace(weights=_towers(recipe, soft, 0)[0])
    made = [transformer.alone(one, recipe.say) for one in (model, tuned)]
    first, second = (rows - rows.mean(axis=0) for rows in made)
    return np.hstack([first / first.std(), TUNED_SHARE * second / second.std()]).astype(np.float32)


def _deep_scores(recipe: Recipe, soft: transformer.Course, texts: Sequence[str]) -> Array:
    """Answer what the deep reader of seed 0 says of ``texts``."""
    model, towers = published.minilm(), _towers(recipe, soft, 0)
    return _mean(towers, model, _edged(recipe, model, texts, DEEP.pieces), recipe.say)


def _deep(recipe: Recipe, soft: transformer.Course, seed: int) -> Judged:
    """Tune the towers of the deep reader, write it, and judge it."""
    from pipeline.readers.training import graph

    model, towers = published.minilm(), _towers(recipe, soft, seed)
    scale, told = _transformer_judged(recipe, towers, model, None)
    folder = recipe.out if seed == 0 else recipe.work / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    named = [{name: weight.numpy() for name, weight in tower.items()} for tower in towers]
    graph.write(folder / DEEP_FILE, named, model.shape)
    files.write(folder / DEEP_SCALE_FILE, scaled(scale))
    return told


def _towers(recipe: Recipe, soft: transformer.Course, seed: int) -> list[transformer.Weights]:
    """Answer MiniLM as tuned from the chance of as many seeds as there are towers."""
    model, first = published.minilm(), seed * TOWERS
    return [_tuned(recipe, f"tower-{one}", model, DEEP, soft, seed=one) for one in range(first, first + TOWERS)]


def _mean(
    towers: Sequence[transformer.Weights], model: published.Published, texts: Sequence[Sequence[int]], say: Say
) -> Array:
    """Answer the outputs for each text (edged), the mean of those of all towers."""
    found: Array = np.mean([transformer.scored(weights, model.shape, texts, say) for weights in towers], axis=0)
    return found


def _transformer_judged(
    recipe: Recipe, towers: Sequence[transformer.Weights], model: published.Published, scale: Scale | None
) -> tuple[Scale, Judged]:
    """Answer the scale of transformers, fitted unless it is given, and how right their mean is."""

    def outputs(rows: Sequence[Row]) -> Array:
        parts, counts = corpus.parted(_texts(rows), recipe.ground.pieces, DEEP.pieces)
        return pooled(_mean(towers, model, transformer.edged(parts, model, DEEP.pieces), recipe.say), counts)

    dev = recipe.ground.dev
    found = scale or fitted(outputs(dev), targets(dev))
    return found, {name: judged(rows, readings(outputs(rows), found)) for name, rows in _judges(recipe.ground)}


def _fast(recipe: Recipe, texts: Sequence[str], wanted: Array, vectors: Array, seed: int) -> Judged:
    """Teach the fast reader, write it, and judge it."""
    ground, chance = recipe.ground, np.random.default_rng(seed)
    weights = student.started(vectors, chance)
    soft = corpus.met(texts, ground.pieces, PIECES_MAX)
    train = [row for row in ground.train for _ in range(FAST_LESSONS if row.id.startswith(LESSON) else 1)]
    hard = corpus.met(_texts(train), ground.pieces, PIECES_MAX)
    labels, many = Course(hard, targets(train), FAST_LABELS_WEIGHT), len(ground.texts)
    teach(weights, [Course(soft, wanted), labels], chance, recipe.say, epochs=FAST_EPOCHS)
    unmixed = Course(soft.some(np.arange(many)), wanted[:many])
    teach(weights, [unmixed, labels], chance, recipe.say, epochs=FAST_LAST_EPOCHS, rate=FAST_LAST_RATE)
    weights = student.balanced(weights, targets(ground.train))
    said, told = FastReader(exported(weights, Scale())).said(_texts(ground.dev))
    scale = fitted(said, targets([row for row, yes in zip(ground.dev, told, strict=True) if yes]))
    made = exported(weights, scale)
    files.write((recipe.out if seed == 0 else recipe.work / f"seed-{seed}") / files.FAST, made)
    reader = FastReader(made)
    return {name: judged(rows, read(reader, rows)) for name, rows in _judges(ground)}


def _judges(ground: Ground) -> Iterable[tuple[str, list[Row]]]:
    """Answer the rows to judge by, by name."""
    real = [row for row in ground.dev if row.source != "written"]
    named = {"dev": ground.dev, "dev, real": real, "held out": ground.held}
    return [(name, rows) for name, rows in named.items() if rows]


def _edged(recipe: Recipe, model: published.Published, texts: Sequence[str], most: int) -> list[list[int]]:
    return transformer.edged(corpus.encoded(texts, recipe.ground.pieces, most), model, most)


def _texts(rows: Sequence[Row]) -> list[str]:
    return [row.label.text for row in rows]
