"""WORDS -> analyses, pages, exit codes. One file per verb in `verbs/`; nothing heavy is loaded to print help."""

import click

from eigentail._version import __version__
from eigentail.cli.group import Verbs

_HELP = """Tell how well a deep network was trained, from its weights alone.

\b
  eigentail demo                          see it work, offline
  eigentail describe model.safetensors    what would be analysed
  eigentail analyze model.safetensors     a verdict for every layer
  eigentail compare a.pth b.pth           which of two is better, and where they differ
  eigentail study nature2021              does a metric follow the quality of a series
  eigentail plot a.pth esd -o esd.pdf     the spectrum of a layer, its tail and its null
  eigentail diff base.pth tuned.pth       what was changed, how much, and what looks damaged
"""

_EPILOG = """\b
Exit codes:
  0    done
  2    a word on the command line is wrong
  3    the weights were not found, cannot be read or are not a model
  4    some layers could not be measured; the others are reported
  70   out of memory, or a bug (EIGENTAIL_DEBUG=1 shows where)
  130  interrupted; finished layers are reported

Data goes to standard output, progress and hints to standard error."""


@click.group(
    "eigentail", cls=Verbs, help=_HELP, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="eigentail")
def main() -> None:
    """Read the words of a command line."""


__all__ = ["main"]
