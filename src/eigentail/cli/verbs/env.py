"""`eigentail env`: what this installation is made of, for bug reports."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Final

import click
import msgspec

from eigentail.cli.options import output_of, output_options

if TYPE_CHECKING:
    from eigentail.reports import Page

SCHEMA_VERSION: Final = 1
# Looked up by their metadata: torch takes seconds to import and is not needed to tell its version.
_LIBRARIES: Final = ("numpy", "ml_dtypes", "msgspec", "threadpoolctl", "click", "rich", "jinja2", "torch", "pandas")

_EXAMPLES = """\b
Examples:
  eigentail env
  eigentail env --json"""


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that `eigentail env --json` prints.

    Attributes:
        schema_version: of this document.
        versions: of eigentail, Python and the libraries; null for one that is not installed.
        platform: operating system and machine.
        blas: the linear algebra libraries loaded, each with its threads.
        kernels: which of the compiled kernels are used, or why none is.
        cores: that this process may use.
        memory: of the machine in bytes, or null where it is not known.
        formats: that can be read.
        metrics: that can be computed.
        broken: third-party plug-ins that could not be loaded, each with the reason.

    Example:
        >>> Environment.__struct_fields__[0]
        'schema_version'
    """

    schema_version: int
    versions: dict[str, str | None]
    platform: str
    blas: list[str]
    kernels: str
    cores: int
    memory: int | None
    formats: list[str]
    metrics: list[str]
    broken: dict[str, str]


@click.command(short_help="Show versions, cores, memory, formats and metrics.", epilog=_EXAMPLES)
@output_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show versions, cores, memory, formats and metrics: what a bug report needs."""
    output = output_of(ctx)
    from eigentail.cli.show import show

    show(_page(_environment()), output)


def _environment() -> Environment:
    """Look around."""
    from eigentail._version import __version__
    from eigentail.cli.options import cores
    from eigentail.metrics import metrics
    from eigentail.reports.publish import forms
    from eigentail.sources.identify import formats

    registries = (formats, metrics, forms)
    versions: dict[str, str | None] = {"eigentail": __version__, "python": platform.python_version()}
    names = [sorted(registry) for registry in registries]
    return Environment(
        schema_version=SCHEMA_VERSION,
        versions=versions | {name: _version(name) for name in _LIBRARIES},
        platform=platform.platform(),
        blas=_blas(),
        kernels=_kernels(),
        cores=cores(),
        memory=_memory(),
        formats=names[0],
        metrics=names[1],
        broken={name: why for registry in registries for name, why in registry.broken.items()},
    )


def _page(environment: Environment) -> Page:
    """The environment as a table of names and values."""
    from eigentail.reports import Column, Page, Table
    from eigentail.reports.pages import bytes_text

    rows = [
        *((name, found or "not installed") for name, found in environment.versions.items()),
        ("platform", environment.platform),
        *(("blas", library) for library in environment.blas),
        ("kernels", environment.kernels),
        ("cores", str(environment.cores)),
        ("memory", bytes_text(environment.memory) if environment.memory else "not known"),
        ("formats", ", ".join(environment.formats)),
        ("metrics", ", ".join(environment.metrics)),
        *((f"broken plug-in {name}", why) for name, why in environment.broken.items()),
    ]
    columns = (Column("what"), Column("value", "sentence"))
    return Page(
        title="eigentail environment",
        main=Table(title="Environment", columns=columns, rows=tuple(rows)),
        json=lambda: msgspec.json.format(msgspec.json.encode(environment), indent=2).decode(),
    )


def _version(library: str) -> str | None:
    """Of an installed library, without importing it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _blas() -> list[str]:
    """The linear algebra libraries that numpy loaded."""
    import numpy as np  # noqa: F401 - loads the library that is to be found
    from threadpoolctl import threadpool_info

    return [
        f"{found['internal_api']} {found['version']}, {found['num_threads']} threads"
        for found in threadpool_info()
        if found["user_api"] == "blas"
    ]


def _kernels() -> str:
    """What finds the eigenvalues."""
    from eigentail.numerics.kernels import kernels

    found = kernels()
    if found is None:
        return "none: not compiled, or for other processors; numpy serves, more slowly"
    return f"compiled, vectors of {8 * found.vector_bytes} bits{', tiles of bfloat16' if found.tiles else ''}"


def _memory() -> int | None:
    """Of the machine, in bytes."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
