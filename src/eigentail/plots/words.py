"""Names and numbers as a plot can show them."""

from __future__ import annotations

import math
import unicodedata
from typing import Final

from eigentail.records import LayerReport, ModelReport

WIDTH: Final = 40
SENTENCE: Final = 240
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
# First-strong isolate and its end: what is between them cannot turn the words around it.
_ISOLATE: Final = ("\u2068", "\u2069")


def shown(text: str, width: int = WIDTH) -> str:
    r"""A name that a stranger chose: nothing invisible in it, its middle left out where it is long, isolated.

    Args:
        text: any characters.
        width: how many may be shown.

    Example:
        >>> shown("model.layers.10.self_attn.q_proj", 16), shown("a" + chr(10) + "b")
        ('model.l…n.q_proj', 'a\\nb')
        >>> shown("\u05d0")[0] == "\u2068"  # a Hebrew letter
        True
    """
    plain = "".join(char if _draws(char) else _escape(char) for char in text[: 4 * width] + text[4 * width :][-width:])
    if len(plain) > width or len(text) > 5 * width:
        kept = width - 1
        plain = f"{plain[: kept // 2]}…{plain[len(plain) - (kept - kept // 2) :]}"
    if any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in plain):
        return f"{_ISOLATE[0]}{plain}{_ISOLATE[1]}"
    return plain


def number(value: float) -> str:
    """Three significant digits, or a dash for what does not exist.

    Example:
        >>> number(3.14159), number(1234567.0), number(float("nan")), number(12.0)
        ('3.14', '1.23e+06', '-', '12')
    """
    if not math.isfinite(value):
        return "-"
    if value.is_integer() and abs(value) < 1e5:
        return f"{value:.0f}"
    return f"{value:#.3g}".removesuffix(".") if 1e-3 <= abs(value) < 1e5 else f"{value:.2e}"


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "layer"), counted(20000, "layer")
        ('1 layer', '20,000 layers')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def sentences(*said: str) -> str:
    """What is not empty, each with its capital and its full stop.

    Example:
        >>> sentences("one", "", "two.")
        'One. Two.'
    """
    return " ".join(f"{part[0].upper()}{part[1:].removesuffix('.')}." for part in said if part)


def exponent_of(row: LayerReport) -> str:
    """The exponent with its interval, D and the tail, or why there is none.

    Example:
        >>> import eigentail as et
        >>> import numpy as np
        >>> exponent_of(et.analyze({"fc.weight": np.eye(9)}).layers[0])
        'no fit: all eigenvalues are equal: an orthogonal or identity matrix has no tail'
    """
    fit = row.fit
    if not fit.ok:
        return f"no fit: {shown(fit.detail or fit.status.sentence, SENTENCE)}"
    low, high = row.metrics.get("alpha_lo", math.nan), row.metrics.get("alpha_hi", math.nan)
    interval = f" (90 % interval {number(low)} to {number(high)})" if math.isfinite(low + high) else ""
    start = f" from xmin = {number(fit.xmin)} on" if fit.xmin > 0 else ""
    return f"alpha = {number(fit.alpha)}{interval}, D = {number(fit.D)} over {fit.tail:,} values{start}"


def no_spectrum(row: LayerReport) -> str:
    """Why a layer has no spectrum to draw.

    Example:
        >>> from msgspec.structs import replace
        >>> import eigentail as et
        >>> no_spectrum(replace(et.analyze(et.example()).layers[0], spectrum=None))
        'there is no spectrum: the report was saved without eigenvalues, which `report.save` keeps'
    """
    failed = row.fit.status.is_failure
    return "there is no spectrum" + (
        "" if failed else ": the report was saved without eigenvalues, which `report.save` keeps"
    )


def verdict_of(row: LayerReport) -> str:
    """The verdict and its reason.

    Example:
        >>> import eigentail as et
        >>> verdict_of(et.analyze(et.example()).layers["fc2"])[:14]
        'well-trained: '
    """
    return f"{row.verdict.value}: {shown(row.reason, SENTENCE)}" if row.reason else row.verdict.value


def model_name(report: ModelReport) -> str:
    """The last part of where a model came from.

    Example:
        >>> import eigentail as et
        >>> model_name(et.analyze(et.example()))
        'noise_000.safetensors'
    """
    parts = report.source.target.replace("\\", "/").rstrip("/").rpartition("/")
    return shown(parts[2] or report.source.target)


def _draws(char: str) -> bool:
    return char == " " or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
