"""REPORT -> the section of a model card: what was measured, what came out, how to repeat it, what it does not say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

import msgspec

from eigentail.errors import UsageError
from eigentail.records import ModelReport
from eigentail.reports.forms.markdown import escape, paragraph, table_text
from eigentail.reports.pages import report_page
from eigentail.reports.table import shorten, visible
from eigentail.reports.tables import summary_table, verdicts_table
from eigentail.settings import Settings

BEGIN: Final = "<!-- eigentail: begin -->"
END: Final = "<!-- eigentail: end -->"
# Means beside those of the whole model; a card is short.
_KINDS: Final = 6
_RANK: Final = 5
_LONGEST: Final = 200
_CAVEATS: Final = (
    "Alpha is no accuracy. It is the exponent of the tail of the eigenvalues, which went with the quality of the model "
    "in published series of related models, and in others did not. It compares models of one architecture only, and "
    "says nothing of the training data, of a task, of safety or of bias.",
    "The verdicts hold alpha against ranges from those articles and against untrained weights of the same shape; "
    "single layers are judged wrongly at times. Of layers that are too small or have no power law nothing is said.",
    "Of a fine-tuned or merged model the numbers are mostly those of its base.",
)
_PATH: Final = re.compile(r"[\\/~]|[A-Za-z]:[\\/]")


def card(report: ModelReport) -> str:
    """A section of fewer than 60 lines between two comments, by which the next one finds its place.

    Args:
        report: from `eigentail.analyze`.

    Returns:
        Markdown that ends with a line break. Names are text, whatever is in them; of a path on this machine only the
        last part is told.

    Example:
        >>> import eigentail as et
        >>> lines = card(et.analyze(et.example())).splitlines()
        >>> lines[0], lines[2], len(lines) < 60
        ('<!-- eigentail: begin -->', '## How well it was trained, told from the weights alone', True)
    """
    return "\n\n".join([BEGIN, *_paragraphs(report), END]) + "\n"


def with_card(text: str, section: str) -> str:
    """A document with the section in it: in the place of the one that is there, else at the end.

    Args:
        text: of the document, as README.md; may be empty.
        section: from `card`.

    Returns:
        The document; all else in it, and its line breaks, are as they were.

    Raises:
        UsageError: the comments that mark the section are there more than once, or one of them alone.

    Example:
        >>> import eigentail as et
        >>> section = card(et.analyze(et.example()))
        >>> once = with_card("# A net", section)
        >>> once.startswith("# A net") and with_card(once, section) == once
        True
    """
    if "\r\n" in text:
        section = section.replace("\n", "\r\n")
    begins, ends = (
        list(re.finditer(rf"^{re.escape(mark)}[ \t]*(?=\r?$)", text, re.MULTILINE)) for mark in (BEGIN, END)
    )
    if not begins and not ends:
        head = text.rstrip("\r\n")
        breaks = "\r\n" if "\r\n" in text else "\n"
        return f"{head}{breaks * 2}{section}" if head else section
    if len(begins) != 1 or len(ends) != 1 or ends[0].start() < begins[0].start():
        hint = f"leave one {BEGIN} with one {END} after it, or none"
        raise UsageError("it is not clear which section is to be replaced", hint=hint)
    return text[: begins[0].start()] + section.rstrip("\r\n") + text[ends[0].end() :]


def _paragraphs(report: ModelReport) -> Iterator[str]:
    """Part by part, each without an empty line at its ends."""
    version = report.versions.get("eigentail", "")
    yield "## How well it was trained, told from the weights alone"
    yield (
        f"{escape(f'eigentail {version}'.strip())} measured the eigenvalues of `W^T W` of every weight matrix of "
        f"{escape(_named(report))} and the power-law tail in them: no data, no forward pass."
    )
    yield _outcome(report)
    if report.summary.layers_averaged:
        summary = summary_table(report)
        rows = summary.rows[: 2 + _KINDS]
        yield table_text(msgspec.structs.replace(summary, rows=rows), _RANK)
    if report.layers:
        yield table_text(verdicts_table(report), _RANK)
    yield "To repeat it:"
    yield _fenced(*_again(report, version))
    yield "What this does not say:"
    yield "\n".join(f"- {caveat}" for caveat in _CAVEATS)


def _outcome(report: ModelReport) -> str:
    """The sentences of the report, the model's verdict first and bold, and how much was left out."""
    said = [paragraph(sentence) for sentence in report_page(report).lead]
    if report.summary.reason:
        said[0] = f"**{said[0]}**"
    if report.skipped:
        said.append(f"Tensors that were not measured: {len(report.skipped)}.")
    return " ".join(said)


def _named(report: ModelReport) -> str:
    """The model as strangers may know it: no folder of this machine."""
    target = report.source.target
    return shorten(visible(re.split(r"[\\/]", target.rstrip("\\/"))[-1] if _PATH.match(target) else target), _LONGEST)


def _again(report: ModelReport, version: str) -> tuple[str, str]:
    """The commands, or the lines of Python for a model that was in memory; and which of the two."""
    install = f'pip install "eigentail{f"=={version}" if version else ""}"'
    if report.source.format == "live":
        given = ", ".join(f"{name}={value!r}" for name, value in _chosen(report.settings))
        settings = f", et.Settings({given})" if given else ""
        return f"# {install}\nimport eigentail as et\net.analyze(model{settings})", "python"
    return "\n".join([install, shlex.join(["eigentail", "analyze", _named(report), *_options(report.settings)])]), "sh"


def _chosen(settings: Settings) -> Iterator[tuple[str, object]]:
    """The settings that are not the usual ones."""
    usual = Settings()
    for name in settings.__struct_fields__:
        if getattr(settings, name) != getattr(usual, name):
            yield name, getattr(settings, name)


def _options(settings: Settings) -> Iterator[str]:
    """The same as words of the command line."""
    for name, value in _chosen(settings):
        yield f"--{name.replace('_', '-')}"
        if value is not True:
            yield visible(",".join(value) if isinstance(value, tuple) else str(value))


def _fenced(text: str, language: str) -> str:
    """As code, behind a fence longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
