"""`eigentail cache`: the spectra kept between runs: how many, whether they are whole, and how to be rid of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
import msgspec

from eigentail.cli.options import output_of, output_options

if TYPE_CHECKING:
    from eigentail.reports import Page
    from eigentail.store import SpectrumStore

SCHEMA_VERSION: Final = 1

_EXAMPLES = """\b
Examples:
  eigentail cache
  eigentail cache verify
  eigentail cache prune --size 1GB
  eigentail cache clear"""


class Cache(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON that `eigentail cache --json` prints.

    Attributes:
        schema_version: of this document.
        path: the folder.
        entries: spectra in it, the damaged ones too.
        bytes: that they take.
        limit: bytes that they may take, the runs among them.
        damaged: files that are not as they were written; null where that was not asked.
        removed: spectra removed just now; null where none were to be.

    Example:
        >>> Cache(schema_version=1, path="/cache", entries=2, bytes=700, limit=900).removed is None
        True
    """

    schema_version: int
    path: str
    entries: int
    bytes: int
    limit: int
    damaged: list[str] | None = None
    removed: int | None = None


@click.group(invoke_without_command=True, short_help="Show, check or remove the spectra kept.", epilog=_EXAMPLES)
@output_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show where spectra are kept between runs, how many and how large.

    `analyze` keeps the spectrum of every matrix and finds it again by the content of the weights, so that an unchanged
    layer costs no more than reading it. Everything kept can be made again. EIGENTAIL_HOME chooses another folder.
    What was not used for longest is removed when more than 5 GB are kept, or than EIGENTAIL_CACHE_SIZE says (500MB);
    the finished layers of whole analyses, which eigentail runs shows, take a quarter of that at most.
    """
    if ctx.invoked_subcommand is None:
        _show(ctx, _state(_store()))


@command.command(short_help="Read every spectrum and list the damaged ones.")
@output_options
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Read every spectrum and list those that are damaged; such a one is made again when it is needed."""
    from eigentail.cli.group import PARTIAL

    store = _store()
    damaged = [str(entry.path) for entry in store.damaged()]
    _show(ctx, msgspec.structs.replace(_state(store), damaged=damaged))
    for path in damaged:
        click.echo(f"eigentail: {path}: damaged: it is made again when it is needed", err=True)
    ctx.exit(PARTIAL if damaged else 0)


@command.command(short_help="Remove every spectrum.")
@output_options
@click.pass_context
def clear(ctx: click.Context) -> None:
    """Remove every spectrum."""
    store = _store()
    removed = len(store.clear())
    _show(ctx, msgspec.structs.replace(_state(store), removed=removed))


@command.command(short_help="Remove what was not used for longest.")
@click.option("--size", required=True, metavar="SIZE", help="What may stay: 500MB, 1GB.")
@output_options
@click.pass_context
def prune(ctx: click.Context, size: str) -> None:
    """Remove spectra, the least recently used first, until the rest takes no more than SIZE."""
    from eigentail.store import bytes_of

    limit, store = bytes_of(size, "--size"), _store()
    removed = len(store.prune(limit))
    _show(ctx, msgspec.structs.replace(_state(store), removed=removed))


def _store() -> SpectrumStore:
    from eigentail.store import user_store

    return user_store()


def _state(store: SpectrumStore) -> Cache:
    """What lies there now."""
    entries = store.entries()
    return Cache(
        schema_version=SCHEMA_VERSION,
        path=str(store.home),
        entries=len(entries),
        bytes=sum(entry.nbytes for entry in entries),
        limit=store.limit,
    )


def _show(ctx: click.Context, cache: Cache) -> None:
    output = output_of(ctx)
    from eigentail.cli.show import show

    show(_page(cache), output)


def _page(cache: Cache) -> Page:
    """The state of the cache as a table of names and values."""
    from eigentail.reports import Column, Page, Table
    from eigentail.reports.pages import bytes_text

    rows = [
        ("path", cache.path),
        ("entries", str(cache.entries)),
        ("size", bytes_text(cache.bytes)),
        ("limit", bytes_text(cache.limit)),
    ]
    if cache.damaged is not None:
        rows.append(("damaged", str(len(cache.damaged))))
    if cache.removed is not None:
        rows.append(("removed", str(cache.removed)))
    columns = (Column("what"), Column("value", "sentence"))
    return Page(
        title="eigentail cache",
        main=Table(title="Spectra", columns=columns, rows=tuple(rows)),
        json=lambda: msgspec.json.format(msgspec.json.encode(cache), indent=2).decode(),
    )
