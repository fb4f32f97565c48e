"""How figures are shown and kept: a table on the screen, one JSON a run, and the newest of each in ``latest.md``."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import strftime
from typing import Any

RESULTS = Path(__file__).parent / "results"
HEAD = """# The newest figures of each benchmark

Written by `python -m bench`; the whole figures stand in the JSON files beside this one. How each is measured stands
at the top of its file in `bench/`. Ratios within one run hold better than figures: they depend less on the machine.
"""


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """Answer ``rows`` as a Markdown table; ``columns`` maps field → heading."""
    cells = [list(columns.values())] + [[shown(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in cells
    ]
    rule = "|" + "|".join(
        "-" * (width + 2) if not place else "-" * (width + 1) + ":" for place, width in enumerate(widths)
    )
    return "\n".join([lines[0], rule + "|", *lines[1:]])


def shown(value: Any) -> str:
    """Answer a figure as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def judged(name: str, figure: float | None, target: float, *, least: bool = True) -> str:
    """Answer a figure beside its target: at least it, or (``least`` False) at most."""
    if figure is None:
        return f"- {name}: not measured"
    held = figure >= target if least else figure <= target
    bound = "≥" if least else "≤"
    verdict = "held" if held else "MISSED"
    return f"- {name}: **{shown(round(figure, 2))}** (target {bound} {target:g}: {verdict})"


def medians(rows: Iterable[Mapping[str, Any]], same: Sequence[str]) -> list[dict[str, Any]]:
    """Answer one row for each combination of the fields ``same``: the medians of the numbers in the others."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in same), []).append(row)
    answer = []
    for several in groups.values():
        merged: dict[str, Any] = dict(several[0])
        for name, value in several[0].items():
            if name not in same and isinstance(value, int | float):
                middle = statistics.median(row[name] for row in several)
                merged[name] = int(middle) if isinstance(value, int) else middle
        answer.append(merged)
    return answer


def machine() -> dict[str, Any]:
    """Answer what the figures were measured on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")),
        platform.processor(),
    )
    return {
        "cpus": os.cpu_count(),
        "cpu": model,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.is_file() else []


def keep(name: str, text: str, figures: Mapping[str, Any], where: Mapping[str, Any]) -> Path:
    """Write the figures to ``results/<date>-<name>.json`` and show them in ``results/latest.md``."""
    RESULTS.mkdir(exist_ok=True)
    day = strftime("%Y-%m-%d")
    path = RESULTS / f"{day}-{name}.json"
    path.write_text(json.dumps({"machine": where, **figures}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    _summarise(name, f"{day}, {where['cpus']} CPUs ({where['cpu']}), Python {where['python']}, "
               f"load average before {where['load_before']}\n\n{text}")  # fmt: skip
    return path


def _summarise(name: str, text: str) -> None:
    latest = RESULTS / "latest.md"
    sections: dict[str, str] = {}
    for part in latest.read_text("utf-8").split("\n## ")[1:] if latest.is_file() else ():
        title, _, body = part.partition("\n")
        sections[title.strip()] = body.strip()
    sections[name] = text.strip()
    told = "".join(f"\n## {title}\n\n{body}\n" for title, body in sorted(sections.items()))
    latest.write_text(HEAD + told, "utf-8")
