"""The options that verbs share, each spelled once, and the records they become."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import click
import msgspec

from eigentail.settings import Conv, ConvScale, Embeddings, NullBy, Precision, Settings, parse_settings

if TYPE_CHECKING:
    from eigentail.execution import Hands
    from eigentail.store import SpectrumStore

Verb = TypeVar("Verb", bound=Callable[..., Any])

_LISTS: Final = ("metrics", "layers", "kinds")
_FORMATS: Final = ("auto", "table", "json", "csv", "markdown", "quiet")
_COMMA: Final = re.compile(r",(?![^\[]*\])")  # "conv1[0,2]" is one name


class Output(msgspec.Struct, frozen=True):
    """Where results go.

    Attributes:
        form: what goes to standard output: the name of a report form, or "quiet" for nothing.
        file: a file to write as well, or None.

    Example:
        >>> Output("table", None).form
        'table'
    """

    form: str
    file: Path | None


def settings_options(verb: Verb) -> Verb:
    """Add every choice of `Settings` to a verb; `settings_of` makes the record.

    Example:
        >>> @click.command()
        ... @settings_options
        ... def command() -> None: ...
        >>> "--conv-scale" in [name for option in command.params for name in option.opts]
        True
    """
    options = (
        _option(
            "settings",
            "--metrics",
            metavar="LIST",
            multiple=True,
            help="Names, globs, * for all. [default]",
        ),
        _option("settings", "--layers", metavar="GLOB", multiple=True, help="Name, 7, 0:12, or !GLOB to leave out."),
        _option("settings", "--kinds", metavar="GLOB", multiple=True, help='Kinds of matrix, as "attention.*".'),
        _option("settings", "--min-evals", type=int, help="Skip layers with fewer eigenvalues. [8]"),
        _option("settings", "--max-evals", type=int, help="Skip layers with more. [no limit]"),
        _option("settings", "--tail", metavar="NAME", help="Estimator of the exponent, as hill:0.1. [clauset]"),
        _option("settings", "--conv", type=_words(Conv), help="How convolutions become matrices. [pooled]"),
        _option("settings", "--conv-scale", type=_words(ConvScale), help="Factor on their spectrum. [weightwatcher]"),
        _option("settings", "--precision", type=_words(Precision), help="Of the linear algebra. [auto]"),
        _option("settings", "--device", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps or xpu. [auto]"),
        _option("settings", "--embeddings", type=_words(Embeddings), help="Apart from the mean, or not. [apart]"),
        _option("settings", "--null", type=_words(NullBy), help="What untrained layers would show. [table]"),
        _option("settings", "--seed", type=int, help="Of everything random. [0]"),
        _option("settings", "--shuffles", type=int, help="Permutations of the entries, where needed. [20]"),
        _option("settings", "--strict", is_flag=True, default=None, help="Stop at the first layer that fails."),
    )
    return _apply(verb, options)


def output_options(verb: Verb) -> Verb:
    """Add where results go and in which form; `output_of` makes the record.

    Example:
        >>> @click.command()
        ... @output_options
        ... def command() -> None: ...
        >>> "-o" in [name for option in command.params for name in option.opts]
        True
    """
    options = (
        _option("output", "--format", "form", type=click.Choice(_FORMATS), help="On standard output. [auto: a table]"),
        _option("output", "--json", "form", flag_value="json", help="Short for --format json."),
        _option("output", "--csv", "form", flag_value="csv", help="Short for --format csv."),
        _option("output", "-o", "--output", "file", metavar="FILE", help="Also write .json .csv .md .html or .txt."),
    )
    return _apply(verb, options)


def executor_options(verb: Verb) -> Verb:
    """Add how many hands work; `executor_of` makes the executor.

    Example:
        >>> @click.command()
        ... @executor_options
        ... def command() -> None: ...
        >>> "--workers" in [name for option in command.params for name in option.opts]
        True
    """
    options = (
        _option("executor", "--executor", "name", metavar="NAME", help="serial, threads, processes or ray. [threads]"),
        _option("executor", "--workers", type=click.IntRange(min=1), metavar="N", help="Layers at a time. [cores]"),
        _option(
            "executor", "--max-memory", "memory", metavar="SIZE", help="As 4GB; a layer that needs more runs alone."
        ),
        _option("executor", "--address", metavar="HOST:PORT", help="Of a Ray cluster, for --executor ray."),
    )
    return _apply(verb, options)


def target_options(verb: Verb) -> Verb:
    """Add whether models of the Hub are fetched first; `target_of` does it.

    Example:
        >>> @click.command()
        ... @target_options
        ... def command() -> None: ...
        >>> "--download" in [name for option in command.params for name in option.opts]
        True
    """
    return _option("target", "--download", is_flag=True, default=None, help="Keep what is read from the Hub.")(verb)


def stream_option(verb: Verb) -> Verb:
    """Add whether a study may go to the Hub; `stream_of` tells.

    Example:
        >>> @click.command()
        ... @stream_option
        ... def command() -> None: ...
        >>> "--stream" in [name for option in command.params for name in option.opts]
        True
    """
    help_ = "With --run: read from the Hub what is not here."
    return _option("stream", "--stream", "wanted", is_flag=True, default=None, help=help_)(verb)


def store_options(verb: Verb) -> Verb:
    """Add whether spectra and finished layers are kept between runs; `store_of` makes the store.

    Example:
        >>> @click.command()
        ... @store_options
        ... def command() -> None: ...
        >>> "--no-store" in [name for option in command.params for name in option.opts]
        True
    """
    return _option("store", "--no-store", "unused", is_flag=True, default=None, help="Neither use nor keep results.")(
        verb
    )


def settings_of(ctx: click.Context) -> Settings:
    """The settings chosen on the command line; the rest keep the defaults of `Settings`.

    Args:
        ctx: of a verb with `settings_options`.

    Raises:
        UsageError: a value makes no sense.

    Example:
        >>> settings_of(click.Context(click.Command("x"))) == Settings()
        True
    """
    chosen = dict(_chosen(ctx, "settings"))
    for name in _LISTS:
        if name in chosen:
            words = (word.strip() for given in chosen[name] for word in _COMMA.split(given))
            chosen[name] = tuple(word for word in words if word)
    return parse_settings(chosen)


def output_of(ctx: click.Context) -> Output:
    """Where to and how. The file is checked now: not after an hour of work.

    Args:
        ctx: of a verb with `output_options`.

    Raises:
        UsageError: the file's suffix names no form, or it cannot be written there.

    Example:
        >>> output_of(click.Context(click.Command("x")))
        Output(form='table', file=None)
    """
    chosen = _chosen(ctx, "output")
    form = chosen.get("form", "auto")
    file = Path(chosen["file"]) if "file" in chosen else None
    if file is not None:
        from eigentail.reports import form_for

        form_for(file)
    return Output("table" if form == "auto" else form, file)


def executor_of(ctx: click.Context) -> Any:
    """The hands chosen on the command line; threads on every core when nothing was said.

    Args:
        ctx: of a verb with `executor_options`.

    Raises:
        UsageError: there is no such way, it needs what is not installed, or a choice makes no sense with it.

    Example:
        >>> callable(executor_of(click.Context(click.Command("x"))))
        True
    """
    from eigentail.errors import UsageError
    from eigentail.execution import executors

    name = _chosen(ctx, "executor").get("name", "threads")
    hands = hands_of(ctx)
    if hands.address and name != "ray":
        raise UsageError(f"{name} has none", where="--address", hint="--executor ray has")
    return executors[name].make(hands)


def hands_of(ctx: click.Context) -> Hands:
    """How many hands, and with how much memory.

    Args:
        ctx: of a verb with `executor_options`.

    Raises:
        UsageError: a size is no size.

    Example:
        >>> hands_of(click.Context(click.Command("x"))).workers is None
        True
    """
    from eigentail.execution import Hands
    from eigentail.store import bytes_of

    chosen = _chosen(ctx, "executor")
    device = str(_chosen(ctx, "settings").get("device", ""))  # a layer on a GPU occupies it
    return Hands(
        workers=chosen.get("workers"),
        memory=bytes_of(chosen["memory"], "--max-memory") if "memory" in chosen else None,
        address=chosen.get("address", ""),
        gpus=1.0 if device.startswith("cuda") else 0.0,
    )


def target_of(ctx: click.Context, target: str) -> str:
    """The target, or with --download where its files lie after they were fetched from the Hub.

    Args:
        ctx: of a verb with `target_options`.
        target: what the user wrote.

    Raises:
        SourceError: it cannot be fetched.

    Example:
        >>> target_of(click.Context(click.Command("x")), "model.npz")
        'model.npz'
    """
    if not _chosen(ctx, "target").get("download"):
        return target
    from eigentail.sources.far.hub_download import fetched

    return fetched(target)


def stream_of(ctx: click.Context) -> bool:
    """Whether a study may go to the Hub.

    Args:
        ctx: of a verb with `stream_option`.

    Example:
        >>> stream_of(click.Context(click.Command("x")))
        False
    """
    return "wanted" in _chosen(ctx, "stream")


def store_of(ctx: click.Context) -> SpectrumStore | None:
    """The user's store, or None if it is not wanted, or cannot be used: then one sentence on standard error says why.

    What the store has to tell goes to standard error as well.

    Args:
        ctx: of a verb with `store_options`.

    Example:
        >>> store_of(click.Context(click.Command("x"))).trouble
        ''
    """
    if _chosen(ctx, "store").get("unused"):
        return None
    from eigentail.errors import UsageError
    from eigentail.store import user_store

    try:
        return user_store(_tell)
    except UsageError as error:
        _tell(str(error))
        return None


def _tell(sentence: str) -> None:
    click.echo(f"eigentail: {sentence}", err=True)


def _option(group: str, *names: str, **attributes: Any) -> Callable[[Verb], Verb]:
    """One option whose value is kept in the context, under its group, when it was given.

    Verbs then take records, not a dozen loose parameters. The keywords are click's own.
    """

    def keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value is not None and value != ():
            _chosen(ctx, group)[str(param.name)] = value

    return click.option(*names, expose_value=False, callback=keep, **attributes)


def _chosen(ctx: click.Context, group: str) -> dict[str, Any]:
    """What was given of one group of options."""
    kept: dict[str, Any] = ctx.meta.setdefault(f"eigentail.{group}", {})
    return kept


def _apply(verb: Verb, options: tuple[Callable[[Verb], Verb], ...]) -> Verb:
    """Decorate in reverse, so that help shows the options in the order written."""
    for option in reversed(options):
        verb = option(verb)
    return verb


def _words(literal: Any) -> click.Choice[str]:
    """The choices of a `Literal`."""
    return click.Choice(get_args(literal))


def cores() -> int:
    """The cores this process may use.

    Example:
        >>> cores() >= 1
        True
    """
    from eigentail.execution import cores as usable

    return usable()
