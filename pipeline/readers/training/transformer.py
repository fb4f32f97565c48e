"""A transformer (Vaswani et al. 2017; BERT, MPNet) with the outputs of ``verdict``, and its fine-tuning, in torch.

Weights are tensors by name, so that a text goes through plain functions. The vectors of the words stay as they were
published. Lower layers may be frozen: what they answer is then worked out once and kept, which halves the work.
Products are taken in bfloat16 where the processor has it.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pipeline.readers.training.fitting import batches, by_length, loss, pace, padded
from pipeline.readers.training.published import FIXED, Published, Shape
from pipeline.readers.training.targets import Array
from pipeline.readers.training.teaching import Say
from pipeline.readers.verdict import OUTPUTS

LOST: Final = 0.1
HEAD_FASTER: Final = 12  # the outputs are new and move so much faster than the rest
DECAY: Final = 0.01
WARM_STEPS: Final = 100
STEEPEST: Final = 1.0
STEPS_TOLD: Final = 100
SCORED_TEXTS: Final = 64
_DISTANCES: Final = (32, 128)  # classes of distances, and the farthest that is told apart
_FAR: Final = -1e4
Weights = dict[str, Any]


class Plan(NamedTuple):
    """How a transformer is tuned: ``fading`` is the share of its rate that each layer leaves to the one below."""

    epochs: int
    rate: float
    size: int
    pieces: int  # of a text that are met, without the edges
    fading: float = 1.0
    frozen: int = 0  # lower layers, with the embedding


class Course(NamedTuple):
    """Texts (edged) with what is to be said of them (targets), and how much they count."""

    texts: Sequence[Sequence[int]]
    wanted: Array
    weight: float = 1.0
    share: float = 1.0  # of its batches that are met in an epoch


def begun(model: Published, seed: int) -> Weights:
    """Answer weights to tune: the published ones with new outputs."""
    chance = torch.Generator().manual_seed(seed)
    weights = {name: weight.clone() for name, weight in model.weights.items()}
    weights["head.weight"] = torch.empty(OUTPUTS, model.shape.wide).normal_(0, 0.02, generator=chance)
    weights["head.bias"] = torch.zeros(OUTPUTS)
    return weights


def save(path: Path, weights: Weights) -> None:
    """Keep ``weights``."""
    from safetensors.torch import save_file

    part = path.with_suffix(".part")
    save_file({name: weight.contiguous() for name, weight in weights.items()}, part)
    part.replace(path)


def load(path: Path) -> Weights:
    """Answer the weights that were kept."""
    from safetensors.torch import load_file

    return dict(load_file(path))


def edged(texts: Sequence[Sequence[int]], model: Published, most: int) -> list[list[int]]:
    """Answer the ids that the model knows the pieces of each text by, with what stands at its edges."""
    first, last = model.shape.edges
    return [[first, *model.ids[list(text[:most])].tolist(), last] for text in texts]


def tune(weights: Weights, shape: Shape, courses: Sequence[Course], plan: Plan, *, seed: int, say: Say) -> None:
    """Move ``weights`` so that they answer what the courses want."""
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    kept = [_lower(weights, shape, course.texts, plan.frozen) for course in courses]
    moved = {name: weight.requires_grad_() for name, weight in weights.items() if _moves(name, plan)}
    steps = _steps(courses, plan, chance)
    groups = [_group(name, weight, shape, plan) for name, weight in moved.items()]
    optimizer, warm, smooth = torch.optim.AdamW(groups, fused=True), min(WARM_STEPS, len(steps) // 10), 0.0
    for step, (place, batch) in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * pace(step, len(steps), warm)
        course = courses[place]
        ids, there = _tensors([course.texts[one] for one in batch], shape)
        with torch.autocast("cpu", torch.bfloat16):
            seen = None if kept[place] is None else _filled([kept[place][one] for one in batch], ids.shape[1])
            outputs = forwards(weights, shape, ids, there, seen=seen, first=plan.frozen, lost=LOST)
        outputs = outputs.float()
        lost, slopes = loss(outputs.detach().numpy(), course.wanted[batch])
        optimizer.zero_grad(set_to_none=True)
        outputs.backward(torch.from_numpy((course.weight * slopes / len(batch)).astype(np.float32)))
        torch.nn.utils.clip_grad_norm_(list(moved.values()), STEEPEST)
        optimizer.step()
        smooth = float(lost.mean()) if not step else 0.98 * smooth + 0.02 * float(lost.mean())
        if (step + 1) % STEPS_TOLD == 0 or step + 1 == len(steps):
            say(f"step {step + 1:,} of {len(steps):,}, loss {smooth:.2f}")
    for weight in moved.values():
        weight.requires_grad_(False)


def scored(weights: Weights, shape: Shape, texts: Sequence[Sequence[int]], say: Say) -> Array:
    """Answer the outputs for each text (edged), in order."""
    found = np.zeros((len(texts), OUTPUTS), np.float32)
    for place, batch in enumerate(by_length([len(text) for text in texts], SCORED_TEXTS)):
        ids, there = _tensors([texts[one] for one in batch], shape)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            found[batch] = forwards(weights, shape, ids, there).float().numpy()
        if (place + 1) % STEPS_TOLD == 0:
            say(f"{min((place + 1) * SCORED_TEXTS, len(texts)):,} of {len(texts):,} texts scored")
    return found


def alone(model: Published, say: Say) -> Array:
    """Answer what the model makes of each piece of our vocabulary alone: a row a piece, the mean of its last layer."""
    texts = [[model.shape.edges[0], one, model.shape.edges[1]] for one in model.ids.tolist()]
    found = np.zeros((len(texts), model.shape.wide), np.float32)
    for start in range(0, len(texts), 512):
        ids, there = _tensors(texts[start : start + 512], model.shape)
        with torch.no_grad():
            seen = _layers(model.weights, model.shape, _embedded(model.weights, model.shape, ids), there)
        found[start : start + 512] = seen.mean(dim=1).numpy()
    say(f"{len(texts):,} pieces alone")
    return found


def forwards(
    weights: Weights, shape: Shape, ids: Any, there: Any, *, seen: Any = None, first: int = 0, lost: float = 0.0
) -> Any:
    """Answer the outputs for texts: ``ids`` and ``there`` (whether there is a piece), a row a text.

    With ``seen``, what the layers below ``first`` answered, those are left out.
    """
    if seen is None:
        seen, first = _dropped(_embedded(weights, shape, ids), lost), 0
    seen = _layers(weights, shape, seen, there, first=first, lost=lost).float()
    there = there[..., None].float()
    mean = (seen * there).sum(1) / there.sum(1)
    return functional.linear(_dropped(mean, lost), weights["head.weight"], weights["head.bias"])


def _embedded(weights: Weights, shape: Shape, ids: Any) -> Any:
    places = weights["positions"][shape.starts : shape.starts + ids.shape[1]]
    return _levelled(weights, "start", weights["words"][ids] + places, shape)


def _layers(
    weights: Weights, shape: Shape, seen: Any, there: Any, *, first: int = 0, last: int | None = None, lost: float = 0.0
) -> Any:
    bias = torch.zeros(len(there), 1, 1, there.shape[1]).masked_fill(~there[:, None, None, :], _FAR)
    if shape.relative:
        bias = bias + weights["distances"][_classes(there.shape[1])].permute(2, 0, 1)[None]
    if torch.is_autocast_enabled("cpu"):
        bias = bias.to(torch.bfloat16)
    for layer in range(first, shape.layers if last is None else last):
        told = _linear(weights, f"{layer}.out", _attended(weights, shape, layer, seen, bias))
        seen = _levelled(weights, f"{layer}.middle", seen + told, shape)
        told = _linear(weights, f"{layer}.down", functional.gelu(_linear(weights, f"{layer}.up", seen)))
        seen = _levelled(weights, f"{layer}.last", seen + _dropped(told, lost), shape)
    return seen


def _attended(weights: Weights, shape: Shape, layer: int, seen: Any, bias: Any) -> Any:
    texts, length, wide = seen.shape

    def headed(name: str) -> Any:
        return _linear(weights, f"{layer}.{name}", seen).view(texts, length, shape.heads, -1).transpose(1, 2)

    near = headed("query") @ headed("key").transpose(-1, -2) * (wide // shape.heads) ** -0.5
    looked = (near + bias).softmax(-1).to(near.dtype) @ headed("value")
    return looked.transpose(1, 2).reshape(texts, length, wide)


def _linear(weights: Weights, name: str, seen: Any) -> Any:
    return functional.linear(seen, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _levelled(weights: Weights, name: str, seen: Any, shape: Shape) -> Any:
    return functional.layer_norm(seen, (shape.wide,), weights[f"{name}.weight"], weights[f"{name}.bias"], shape.tiny)


def _dropped(seen: Any, lost: float) -> Any:
    return functional.dropout(seen, lost) if lost else seen


def _classes(length: int) -> Any:
    """Answer the class of the distance between each two places: exact when near, by logarithm when far (T5, MPNet)."""
    classes, farthest = _DISTANCES
    places = torch.arange(length)
    behind = places[:, None] - places[None, :]
    half, exact = classes // 2, classes // 4
    away = behind.abs()
    grown = torch.log(away.float().clamp(min=1) / exact) / math.log(farthest / exact) * (half - exact)
    far = (exact + grown.long()).clamp(max=half - 1)
    return (behind < 0).long() * half + torch.where(away < exact, away, far)


def _tensors(texts: Sequence[Sequence[int]], shape: Shape) -> tuple[Any, Any]:
    ids, there = padded(texts, shape.nothing)
    return torch.from_numpy(ids), torch.from_numpy(there)


def _moves(name: str, plan: Plan) -> bool:
    layer, _, _ = name.partition(".")
    if name in FIXED or (plan.frozen and name in {"start.weight", "start.bias", "distances"}):
        return False
    return not (layer.isdigit() and int(layer) < plan.frozen)


def _group(name: str, weight: Any, shape: Shape, plan: Plan) -> dict[str, Any]:
    layer, _, _ = name.partition(".")
    if layer == "head":
        rate = plan.rate * HEAD_FASTER
    else:
        rate = plan.rate * plan.fading ** (shape.layers - 1 - (int(layer) if layer.isdigit() else 0))
    return {"params": [weight], "lr": rate, "base": rate, "weight_decay": DECAY if weight.dim() > 1 else 0.0}


def _steps(courses: Sequence[Course], plan: Plan, chance: np.random.Generator) -> list[tuple[int, NDArray[np.intp]]]:
    steps: list[tuple[int, NDArray[np.intp]]] = []
    left: list[list[NDArray[np.intp]]] = [[] for _ in courses]
    for _ in range(plan.epochs):
        epoch = [
            (place, batch)
            for place, course in enumerate(courses)
            for batch in _share(course, plan, chance, left[place])
        ]
        steps += [epoch[place] for place in chance.permutation(len(epoch))]
    return steps


def _share(
    course: Course, plan: Plan, chance: np.random.Generator, left: list[NDArray[np.intp]]
) -> list[NDArray[np.intp]]:
    """Answer the batches of a course that an epoch meets; those ``left`` over wait for the epochs that follow."""
    if not left:
        left += batches([len(text) for text in course.texts], plan.size, chance)
    many = math.ceil(course.share * len(course.texts) / plan.size)
    taken = left[:many]
    del left[:many]
    return taken


def _lower(weights: Weights, shape: Shape, texts: Sequence[Sequence[int]], frozen: int) -> Any:
    """Answer what the frozen layers make of each text, None where none is frozen."""
    if not frozen:
        return None
    found: list[Any] = [None] * len(texts)
    for batch in by_length([len(text) for text in texts], SCORED_TEXTS):
        ids, there = _tensors([texts[one] for one in batch], shape)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            seen = _layers(weights, shape, _embedded(weights, shape, ids), there, last=frozen).to(torch.bfloat16)
        for row, one in zip(seen, batch, strict=True):
            found[one] = row[: len(texts[one])].clone()
    return found


def _filled(rows: Sequence[Any], length: int) -> Any:
    seen = torch.zeros(len(rows), length, rows[0].shape[1], dtype=rows[0].dtype)
    for place, row in enumerate(rows):
        seen[place, : len(row)] = row
    return seen
