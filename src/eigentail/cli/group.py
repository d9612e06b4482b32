"""The verbs, found in their folder and loaded when named; and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from contextlib import suppress
from typing import Any, Final, NoReturn

import click

from eigentail.cli import verbs
from eigentail.errors import EigentailError, UsageError, did_you_mean

INTERRUPTED: Final = 130
PARTIAL: Final = 4
BUG: Final = 70
CLOSED_PIPE: Final = 141  # what a shell reports of a program that SIGPIPE ended


class Verbs(click.Group):
    """A group whose commands are the modules of `cli/verbs`.

    Every error of this package ends as one sentence on standard error and its exit code; so does any other, as a bug.

    Example:
        >>> group = Verbs(name="eigentail")
        >>> "analyze" in group.list_commands(click.Context(group))
        True
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the verbs."""
        return sorted(info.name for info in pkgutil.iter_modules(verbs.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, imported now, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"{verbs.__name__}.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with the nearest verb named when there is no such one."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            _end(f"eigentail: unknown verb {args[0]!r}: {did_you_mean(args[0], known)}", UsageError.exit_code)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with one sentence for a wrong word before the verb."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _end(_sentence(error), error.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb and turn what it raises into a sentence and an exit code."""
        _keep_writing()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a pipe closed by its reader shows here, and not at the end of the interpreter
        except BrokenPipeError:
            _hang_up()
        except EigentailError as error:
            _end(f"eigentail: {error}", error.exit_code)
        except KeyboardInterrupt:
            _end("eigentail: interrupted", INTERRUPTED)
        except click.UsageError as error:
            _end(_sentence(error), error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except MemoryError:
            _end("eigentail: not enough memory: try --executor serial, or --max-evals to leave out the largest", BUG)
        except Exception as error:
            _report_bug(error)
        return result


def _keep_writing() -> None:
    """A terminal that cannot show a character gets its escape instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _sentence(error: click.UsageError) -> str:
    """What click says over several lines, as one sentence: what, and what to try."""
    command = error.ctx.command_path if error.ctx else "eigentail"
    what, hint = error.format_message().rstrip("."), f"{command} --help shows how"
    if isinstance(error, click.NoSuchOption) and error.ctx:
        what = f"no such option {error.option_name!r}"
        known = [name for option in error.ctx.command.get_params(error.ctx) for name in option.opts]
        hint = did_you_mean(error.option_name, known) or hint
    return f"eigentail: {what[:1].lower()}{what[1:]}: {hint}"


def _end(sentence: str, code: int) -> NoReturn:
    """Say it and leave."""
    click.echo(sentence, err=True)
    raise click.exceptions.Exit(code)


def _hang_up() -> NoReturn:
    """Leave without a word when nobody reads any more; what is still buffered goes nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(CLOSED_PIPE)


def _report_bug(error: Exception) -> NoReturn:
    """One sentence for what should not have happened; the traceback on request."""
    if os.environ.get("EIGENTAIL_DEBUG") == "1":
        import traceback

        click.echo("".join(traceback.format_exception(error)), err=True)
    said = " ".join(str(error).split())
    _end(
        f"eigentail: unexpected {type(error).__name__}: {said}: this is a bug, please report it "
        "(EIGENTAIL_DEBUG=1 shows where)",
        BUG,
    )
