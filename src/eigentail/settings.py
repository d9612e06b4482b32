"""Every choice a user can make about an analysis: one frozen record, checked when it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

import msgspec

from eigentail.errors import UsageError, did_you_mean

Conv = Literal["pooled", "per-slice", "flatten"]
ConvScale = Literal["weightwatcher", "paper", "none"]
Precision = Literal["auto", "float64", "float32"]
Embeddings = Literal["apart", "averaged", "skipped"]
NullBy = Literal["table", "shuffle", "none"]

_CHOICES: Final = {
    "conv": Conv,
    "conv_scale": ConvScale,
    "precision": Precision,
    "embeddings": Embeddings,
    "null": NullBy,
}
# The word for the metrics that cost no more than the spectrum, beside names and globs.
DEFAULT: Final = "default"
_FEWEST_SHUFFLES: Final = 3
# The last is torch's arithmetic on the CPU: the way to a GPU, tried where there is none.
_DEVICE: Final = re.compile(r"auto|cpu|(cuda|xpu)(:\d{1,3})?|mps|torch:cpu", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to measure and how. The defaults are the conventions of the published studies and of WeightWatcher.

    Attributes:
        metrics: names or globs of the metrics to compute; `default` stands for those that need no more than the
            spectrum, `*` for all of them.
        layers: which layers: globs on the name, an index ("7") or a range of indices ("0:12"); a leading "!" excludes.
        kinds: which kinds of matrix, as globs ("attention.*"); a leading "!" excludes.
        min_evals: a layer with fewer eigenvalues is skipped (WeightWatcher: 8; the papers: 50).
        max_evals: a layer with more is skipped; None for no limit.
        tail: the estimator of the exponent, as `clauset`, or with a number of its own, as `hill:0.1`.
        conv: how a convolution becomes matrices: all kernel positions pooled into one spectrum, each position a layer
            of its own (the papers' way of counting), or flattened to out x (in * positions).
        conv_scale: the factor on convolution eigenvalues: `weightwatcher` (1/2 when pooled or flattened, positions/2
            per slice), `paper` (positions/2 on every matrix, dense ones included), or `none`.
        precision: of the linear algebra; `auto` is float64, but float32 where the weights are stored in 16 bits or
            fewer and no eigenvalue that matters would drown in it.
        embeddings: measured but `apart` from the model average (as the papers do), `averaged`, or `skipped`.
        null: what an untrained copy of a layer would show: by `table`, simulated for its shape; by `shuffle`, from its
            own entries in random order; or `none`.
        seed: of everything random: shuffles, resamples. The same seed gives the same numbers.
        shuffles: how many times the entries of a layer are shuffled, where anything needs that.
        device: where the spectra are computed; the numbers agree up to the rounding of the arithmetic. `auto` is the
            CPU, or the CUDA GPUs where torch drives one and the work is large; `cpu`, `cuda` (every GPU, workers take
            turns), `cuda:1`, `mps`, `xpu`.
        strict: raise on the first layer that fails instead of recording why.

    Raises:
        UsageError: a value is not one of the choices, or a number makes no sense.

    Example:
        >>> Settings(conv="flatten").conv
        'flatten'
        >>> Settings(conv="poled")
        Traceback (most recent call last):
        eigentail.errors.UsageError: conv: unknown value 'poled': did you mean pooled?
    """

    metrics: tuple[str, ...] = (DEFAULT,)
    layers: tuple[str, ...] = ("*",)
    kinds: tuple[str, ...] = ("*",)
    min_evals: int = 8
    max_evals: int | None = None
    tail: str = "clauset"
    conv: Conv = "pooled"
    conv_scale: ConvScale = "weightwatcher"
    precision: Precision = "auto"
    embeddings: Embeddings = "apart"
    null: NullBy = "table"
    seed: int = 0
    shuffles: int = 20
    device: str = "auto"
    strict: bool = False

    def __post_init__(self) -> None:
        for field in _CHOICES:
            _check_choice(field, getattr(self, field))
        if self.min_evals < 2:
            raise UsageError(f"{self.min_evals} is too few", where="min_evals", hint="a spectrum needs 2 or more")
        if self.max_evals is not None and self.max_evals < self.min_evals:
            raise UsageError(f"{self.max_evals} is less than min_evals", where="max_evals", hint="raise it")
        if self.seed < 0:
            raise UsageError(f"{self.seed} is negative", where="seed", hint="any whole number from 0 on")
        if self.shuffles < _FEWEST_SHUFFLES:
            raise UsageError(f"{self.shuffles} is too few", where="shuffles", hint=f"{_FEWEST_SHUFFLES} or more")
        if not _DEVICE.fullmatch(str(self.device)):
            hint = "choose from auto, cpu, cuda, cuda:1, mps, xpu"
            raise UsageError(f"unknown value {self.device!r}", where="device", hint=hint)
        for field in ("metrics", "layers", "kinds"):
            words = getattr(self, field)
            if not words or isinstance(words, str):
                raise UsageError(f"needs a list of words, not {words!r}", where=field, hint='("*",) stands for all')


def parse_settings(choices: Mapping[str, object]) -> Settings:
    """Settings from words: a command line, a configuration file, a saved report.

    Args:
        choices: field name to value; lists are taken for tuples.

    Returns:
        The checked record.

    Raises:
        UsageError: an unknown name (with the nearest known one) or a value of the wrong type.

    Example:
        >>> parse_settings({"conv": "flatten"}).conv
        'flatten'
        >>> parse_settings({"cnov": "flatten"})
        Traceback (most recent call last):
        eigentail.errors.UsageError: unknown setting 'cnov': did you mean conv?
    """
    for name in choices:
        if name not in Settings.__struct_fields__:
            raise UsageError(f"unknown setting {name!r}", hint=did_you_mean(name, Settings.__struct_fields__))
        _check_choice(name, choices[name])
    try:
        return msgspec.convert(dict(choices), Settings)
    except msgspec.ValidationError as error:
        raise UsageError(f"a setting has the wrong type ({error})") from error


def _check_choice(field: str, value: object) -> None:
    """Raise when a field that offers a few words is given another one."""
    words: tuple[str, ...] = get_args(_CHOICES[field]) if field in _CHOICES else ()
    if words and value not in words:
        raise UsageError(f"unknown value {value!r}", where=field, hint=did_you_mean(str(value), words))
