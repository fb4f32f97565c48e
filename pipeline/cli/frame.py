"""What every command has in common: where the servers are, how results look, how errors are told.

Exit codes: 0 fine, 1 it went wrong, 2 wrong usage or a wrong setting, 130 ended by Ctrl-C.
"""

import asyncio
import errno
import inspect
import logging
import os
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from time import monotonic, process_time
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from pipeline.settings import Settings

# When this process began, on the monotonic clock: what came before was spent on imports.
STARTED_SECONDS = monotonic() - process_time()

F = TypeVar("F", bound=Callable[..., Any])
QUIET_SECONDS = 10.0  # between two complaints of a library
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SERVERS = "Servers and output"
KafkaOption = Annotated[
    str | None,
    typer.Option("--kafka", metavar="HOST:PORT", help="Kafka's bootstrap servers.", rich_help_panel=SERVERS),
]
RedisOption = Annotated[
    str | None, typer.Option("--redis", metavar="URL", help="The Redis or Valkey.", rich_help_panel=SERVERS)
]
PrefixOption = Annotated[
    str | None,
    typer.Option("--prefix", metavar="TEXT", help="What topic names begin with.", rich_help_panel=SERVERS),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="JSON instead of tables; so it is whenever piped.", rich_help_panel=SERVERS)
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the trace of an error.", rich_help_panel=SERVERS)]
COMMON = {"kafka": KafkaOption, "redis": RedisOption, "prefix": PrefixOption, "json": JsonOption, "debug": DebugOption}


class Place:
    """Where a command works: the flags that all commands have, and the settings that follow from them."""

    def __init__(self, *, json: bool = False, debug: bool = False, **flags: str | None) -> None:
        self.flags = {name: value for name, value in flags.items() if value is not None}
        self.asked_json = json
        self.debug = debug

    @cached_property
    def settings(self) -> "Settings":
        """The settings. Raises Misconfigured."""
        return self.settings_with()

    def settings_with(self, **more: Any) -> "Settings":
        """Answer the settings with ``more`` given as flags. Raises Misconfigured."""
        from pipeline.settings import load_settings

        return load_settings(**{**self.flags, **more})

    @property
    def json(self) -> bool:
        """Whether to answer in JSON: asked for, or nobody is looking."""
        return self.asked_json or not sys.stdout.isatty()


def command(app: typer.Typer, name: str | None = None, **more: Any) -> Callable[[F], F]:
    """Register a function (its first argument a Place, async or not) as a command with the common options."""

    def register(run: F) -> F:
        signature = inspect.signature(run, eval_str=True)
        own = list(signature.parameters.values())[1:]
        common = [
            inspect.Parameter(
                option,
                inspect.Parameter.KEYWORD_ONLY,
                default=False if option in {"json", "debug"} else None,
                annotation=kind,
            )
            for option, kind in COMMON.items()
        ]

        def framed(**given: Any) -> None:
            place = Place(**{option: given.pop(option) for option in COMMON})
            _run(run, place, given)

        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + common
        framed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        framed.__annotations__ = {each.name: each.annotation for each in parameters}
        framed.__name__ = run.__name__
        framed.__doc__ = _joined(inspect.getdoc(run) or "")
        app.command(name or run.__name__, **more)(framed)
        return run

    return register


def _joined(doc: str) -> str:
    """Answer a docstring whose paragraphs are one line each, but for those that keep their lines."""
    paragraphs = doc.split("\n\n")
    return "\n\n".join(each if each.startswith("\b") else " ".join(each.split()) for each in paragraphs)


def _run(run: Callable[..., Any], place: Place, given: dict[str, Any]) -> None:
    """Run a command and end with its exit code; an error becomes one sentence on stderr."""
    from pipeline.domain.errors import HeartlineError, Misconfigured

    _quieten(place)
    if sys.stdout is None:  # closed by who called
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it stays open
    try:
        code = asyncio.run(run(place, **given)) if inspect.iscoroutinefunction(run) else run(place, **given)
    except (typer.Exit, typer.Abort, typer.TyperException):
        raise
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # Whoever read has seen enough; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except HeartlineError as error:
        code = _tell(place, str(error), 2 if isinstance(error, Misconfigured) else 1)
    except Exception as error:  # noqa: BLE001 - a person reads this, and --debug shows the rest
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            said = f"{error.filename or 'the output'} cannot be written: {error.strerror}"
        else:
            said = f"{type(error).__name__}: {error}; this should not happen, --debug shows where"
        code = _tell(place, said, 1)
    raise typer.Exit(code or 0)


class _Calm(logging.Handler):
    """Tells what a library complains about in one line, and not the same over and over again."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._told_seconds = -QUIET_SECONDS

    def emit(self, record: logging.LogRecord) -> None:
        """Show the first complaint of a while."""
        now = monotonic()
        if now - self._told_seconds >= QUIET_SECONDS:
            self._told_seconds = now
            from pipeline.cli.show import note

            note(f"{record.name.partition('.')[0]}: {record.getMessage()}; trying again")


def complaints(place: Place) -> None:
    """Let a command that goes on for long tell when a server is away, in a line now and then."""
    if not place.debug:
        logging.getLogger().addHandler(_Calm())


def _quieten(place: Place) -> None:
    """Errors are told by the command; what libraries say of them as well is for --debug."""
    if place.debug:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    else:
        logging.getLogger().addHandler(logging.NullHandler())


def _tell(place: Place, sentence: str, code: int) -> int:
    from pipeline.cli.show import complain

    if place.debug:
        import traceback

        traceback.print_exc()
    complain(sentence)
    return code
