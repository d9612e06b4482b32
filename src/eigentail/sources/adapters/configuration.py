"""What lies beside an adapter about its kind and its scale: `adapter_config.json`, checked and never obeyed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, final

import msgspec

from eigentail.errors import SourceError
from eigentail.sources.config import MAX_BYTES
from eigentail.sources.place import Place, place

NAME: Final = "adapter_config.json"
KINDS: Final = {"LORA": "LoRA", "LOHA": "LoHa", "LOKR": "LoKr"}
# Ways to begin that change the base as well: what is stored is no change of the base as it was published.
_CHANGES_BASE: Final = ("pissa", "olora", "corda", "loftq", "lora_ga", "milora")
# Expressions are other people's: more of them, or longer ones, could stall the matching.
_MOST: Final = 16
_LONGEST: Final = 200
_PLAIN: Final = re.compile(r"[\w.\-]+")
_REPEATS: Final = re.compile(r"[*+?{]")
_TRICKY: Final = re.compile(r"\)\s*[*+?{]|\(\?|\\[1-9kKbBAZ]")


class AdapterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter's configuration says of it; the fields are PEFT's.

    Attributes:
        peft_type: the kind, in capitals.
        r: the rank where no pattern says another.
        lora_alpha: the scale of LoRA is this over the rank.
        alpha: that of LoHa and LoKr.
        use_rslora: over the root of the rank instead.
        use_dora: whether lengths are learned apart from directions.
        fan_in_fan_out: whether the base stores its weights as (in, out).
        rank_pattern: module or expression to its rank.
        alpha_pattern: module or expression to its alpha.
        init_lora_weights: how training began.
        layer_replication: layers of the base that are there more than once.
        base_model_name_or_path: what it was made for; it is told and never opened.

    Example:
        >>> AdapterConfig(r=16, lora_alpha=32).r
        16
    """

    peft_type: str = "LORA"
    r: int = 8
    lora_alpha: float = 8
    alpha: float = 8
    use_rslora: bool = False
    use_dora: bool = False
    fan_in_fan_out: bool = False
    rank_pattern: dict[str, int] | None = None
    alpha_pattern: dict[str, float] | None = None
    init_lora_weights: bool | str | None = True
    layer_replication: list[tuple[int, int]] | None = None
    base_model_name_or_path: str | None = None

    @property
    def changes_base(self) -> str:
        """The way of beginning that changed the base too, or ""."""
        word = self.init_lora_weights if isinstance(self.init_lora_weights, str) else ""
        return word if word.lower().startswith(_CHANGES_BASE) else ""

    @property
    def kind(self) -> str:
        """The kind as people write it."""
        return KINDS.get(self.peft_type, self.peft_type)


@final
class Alphas:
    r"""The alpha of each weight: that of the first pattern that fits the end of its name, else the adapter's.

    Args:
        patterns: module or expression to alpha.
        usual: where none fits.

    Attributes:
        refused: the expressions that could stall or make no sense; they fit nothing.

    Example:
        >>> alphas = Alphas({"v_proj": 4.0, r"layers\.[01]\.q_proj": 2.0, "(a+)+": 1.0}, 16.0)
        >>> alphas.of("layers.1.q_proj"), alphas.of("layers.7.v_proj"), alphas.of("k_proj"), len(alphas.refused)
        (2.0, 4.0, 16.0, 1)
    """

    def __init__(self, patterns: Mapping[str, float], usual: float) -> None:
        self._usual = usual
        self._values = list(patterns.values())
        self._plain = {key: at for at, key in enumerate(patterns) if _PLAIN.fullmatch(key)}
        found = {key: (at, _compiled(key)) for at, key in enumerate(patterns) if key not in self._plain}
        self._patterns = [(at, pattern) for at, pattern in found.values() if pattern is not None][:_MOST]
        known = {at for at, _ in self._patterns}
        self.refused = tuple(key for key, (at, _) in found.items() if at not in known)

    def of(self, module: str) -> float:
        """The alpha of a weight by its name."""
        parts = module.split(".")
        endings = (".".join(parts[at:]) for at in range(len(parts)))
        found = [self._plain[ending] for ending in endings if ending in self._plain]
        if len(module) <= _LONGEST:
            found += [at for at, pattern in self._patterns if pattern.fullmatch(module)]
        return self._values[min(found)] if found else self._usual


def read_adapter_config(folder: Place) -> AdapterConfig | None:
    """The configuration of the adapter in a folder; None where there is none.

    Args:
        folder: where its weights lie.

    Raises:
        SourceError: the file is larger than 16 MiB or no JSON object, or says something that cannot be.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "lora_alpha": 8}')
        >>> read_adapter_config(folder).lora_alpha
        8.0
    """
    path = folder / NAME
    if not (folder.is_dir() and path.is_file()):  # a web server may answer anything to a name it does not know
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _broken(path, f"is larger than {MAX_BYTES >> 20} MiB")
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(path, f"is not a JSON object ({error})") from error
    return adapter_config(found, str(path))


def adapter_config(found: Mapping[str, Any], where: str) -> AdapterConfig:
    """The checked record of a configuration.

    Args:
        found: the fields as they stand there; those that are not known are left out.
        where: for the error.

    Raises:
        SourceError: a value has another type than PEFT gives it, a rank below one, or an alpha that is no number.

    Example:
        >>> adapter_config({"r": 0}, "adapter_config.json")
        Traceback (most recent call last):
        eigentail.errors.SourceError: adapter_config.json: says r = 0, which is no rank: ...
    """
    given = {name: value for name, value in found.items() if name in AdapterConfig.__struct_fields__}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        config = msgspec.convert(given, AdapterConfig)
    except msgspec.ValidationError as error:
        raise _broken(place(where), f"is no configuration of an adapter ({error})") from error
    if config.r < 1:
        raise _broken(place(where), f"says r = {config.r}, which is no rank")
    alphas = (config.lora_alpha, config.alpha, *(config.alpha_pattern or {}).values())
    if not all(map(math.isfinite, alphas)):
        raise _broken(place(where), "gives an alpha that is NaN or infinite")
    return config


def _compiled(key: str) -> re.Pattern[str] | None:
    """The expression as PEFT means it, where it cannot stall: few repeats, none of a group, nothing that looks about.

    A run of digits in a name is short, so that repeats of digits do not count.
    """
    text = key.replace(r"\d+", r"\d{1,9}") if len(key) <= _LONGEST else ""
    counted = text.replace(r"\d{1,9}", "")
    if not text or _TRICKY.search(counted) or len(_REPEATS.findall(counted)) > 1 or text.count(r"\d{1,9}") > 3:
        return None
    try:
        return re.compile(rf"(?:.*\.)?(?:{text})")
    except (re.error, RecursionError, OverflowError):
        return None


def _broken(path: Place, what: str) -> SourceError:
    return SourceError(what, where=str(path), hint="repair it or move it away: its scale is taken from there")
