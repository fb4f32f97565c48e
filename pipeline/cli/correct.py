"""``heartline correct``: say what a moment should have been read as."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.frame import Place, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.domain.correction import Correction
    from pipeline.domain.events import Moment

CLEAR = 2  # the intensity that is meant where none is named
WORDS_CHARS = 90


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app)(correct)


async def correct(
    place: Place,
    who: Annotated[str, typer.Argument(metavar="PERSON|HANDLE", help="Whose moment, as for `heartline timeline`.")],
    *,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")],
    moment: Annotated[
        str | None,
        typer.Option("--moment", metavar="ID", help="The moment's id or its beginning, as timelines show it."),
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="The newest moment.")] = False,
    primary: Annotated[
        str | None, typer.Option("--primary", metavar="EMOTION[:1-3]|none", help="What matters most, and how strongly.")
    ] = None,
    emotion: Annotated[
        list[str] | None, typer.Option("--emotion", metavar="EMOTION[:1-3]", help="What is felt as well; up to two.")
    ] = None,
    valence: Annotated[int | None, typer.Option("--valence", min=-2, max=2, help="How bad or good.")] = None,
    success: Annotated[
        str | None, typer.Option("--success", metavar="met|unmet|none", help="Was the need met?")
    ] = None,
    effort: Annotated[str | None, typer.Option("--effort", metavar="low|high|none", help="Was it easy?")] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="respond|suggestion|praise|none", help="What it asks for.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why.")] = None,
) -> int:
    """Correct the reading of a moment. What is not named stays as it was read; the latest correction counts.

    The figures become those of a moment that was read so from the start, the timeline keeps what was read and every
    correction, and a moment that turns out to hurt raises its alert. `heartline timeline` shows the ids.

    \b
    heartline correct ana@example.com --last --primary disappointed:2 --valence -1 --by ben --note "meant as irony"
    heartline correct customer_id:C-1012 --moment 3f2a91c0 --primary none --by ben
    """
    from pipeline.cli import show
    from pipeline.cli.timeline import whole_id
    from pipeline.client import Client
    from pipeline.domain.errors import Misconfigured

    if last is (moment is not None):
        raise Misconfigured("say which moment: --moment ID, as `heartline timeline` shows it, or --last")
    said: dict[str, Any] = {"emotions": felt(primary, emotion or ()), "primary": primary and primary.partition(":")[0]}
    said |= {"valence": valence, "success": success, "effort": effort, "action": action, "note": note, "by": by}
    _checked({**said, "person": who, "moment": moment or "last"})  # before anything is asked of a server
    async with Client(place.settings) as heartline:
        found = await heartline.timeline(await whole_id(place, who))
        if found is None:
            show.complain(f"nobody is known as {who}")
            return 1
        meant = chosen(found.moments, moment)
        correction = _checked({**said, "person": found.person, "moment": meant.id})
        name = await heartline.correct(correction)
    if place.json:
        show.emit({"id": name, **correction.model_dump(mode="json", exclude_none=True)})
    else:
        _tell(meant, correction)
    return 0


def felt(primary: str | None, others: "Sequence[str]") -> dict[str, int] | None:
    """Answer emotion → intensity of what the options name, None where they name nothing. Raises Misconfigured."""
    from pipeline.domain.errors import Misconfigured

    if primary is None:
        if others:
            raise Misconfigured("--emotion goes with --primary, the one that matters most")
        return None
    named = [*([] if primary == "none" else [primary]), *others]
    emotions = {}
    for each in named:
        name, colon, intensity = each.partition(":")
        if colon and not (intensity.isdecimal() and 1 <= int(intensity) <= 3):
            raise Misconfigured(f"{each}: the intensity is 1 (mild), 2 (clear) or 3 (strong)")
        emotions[name] = int(intensity) if colon else CLEAR
    return emotions


def chosen(moments: "Sequence[Moment]", beginning: str | None) -> "Moment":
    """Answer the newest moment, or the one whose id begins so. Raises Misconfigured where that is none or several."""
    from pipeline.domain.errors import Misconfigured

    fitting = [each for each in moments if beginning is None or each.id.startswith(beginning)]
    if not fitting:
        raise Misconfigured("no moment is kept with its words" if beginning is None else f"no moment is {beginning}…")
    if beginning is not None and len(fitting) > 1:
        raise Misconfigured(f"{len(fitting)} moments begin with {beginning}; give more of it, as in {fitting[-1].id}")
    return fitting[-1]


def _checked(given: dict[str, Any]) -> "Correction":
    """Raises Misconfigured, naming the option."""
    from pipeline.client import prepare_correction
    from pipeline.clocks import SystemClock
    from pipeline.domain.emotions import EMOTIONS
    from pipeline.domain.errors import Misconfigured, Rejected

    if unknown := sorted(set(given["emotions"] or ()) - set(EMOTIONS)):
        raise Misconfigured(f"{unknown[0]} is none of the emotions: {', '.join(EMOTIONS)}")
    try:
        return prepare_correction(given, SystemClock())[0]
    except Rejected as why:
        raise Misconfigured(why.detail) from why


def _tell(moment: "Moment", correction: "Correction") -> None:
    from rich.text import Text

    from pipeline.cli import show
    from pipeline.domain.correction import corrected

    was, now = moment.reading, corrected(moment.as_read, correction)
    out = show.console()
    out.print(Text(show.excerpt(moment.feedback.text, WORDS_CHARS), style="italic"))
    out.print(
        Text.assemble(
            show.emotion_text(was.primary, understood=was.understood),
            (f"  {was.valence:+.1f}", "dim"),
            ("  →  ", "bold"),
            show.emotion_text(now.primary),
            (f"  {now.valence:+.1f}   moment {moment.id[:8]}, by {show.line(correction.by)}", "dim"),
        )
    )
