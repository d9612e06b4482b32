"""Names of the tensors of adapters: which weight each belongs to, and what part it plays."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

# No convention has names as long as this.
_LONGEST: Final = 1000


class Role(StrEnum):
    """What a tensor is to the change of a weight.

    Example:
        >>> Role.DOWN.value
        'down'
    """

    DOWN = "down"
    UP = "up"
    MID = "mid"
    EMBEDDING_DOWN = "embedding-down"
    EMBEDDING_UP = "embedding-up"
    ALPHA = "alpha"
    MAGNITUDE = "magnitude"
    BIAS = "bias"
    HADA_W1_A = "hada_w1_a"
    HADA_W1_B = "hada_w1_b"
    HADA_W2_A = "hada_w2_a"
    HADA_W2_B = "hada_w2_b"
    HADA_T1 = "hada_t1"
    HADA_T2 = "hada_t2"
    LOKR_W1 = "lokr_w1"
    LOKR_W1_A = "lokr_w1_a"
    LOKR_W1_B = "lokr_w1_b"
    LOKR_W2 = "lokr_w2"
    LOKR_W2_A = "lokr_w2_a"
    LOKR_W2_B = "lokr_w2_b"
    LOKR_T2 = "lokr_t2"
    OTHER = "other"


class Part(NamedTuple):
    """One tensor of an adapter.

    Attributes:
        module: the name of the weight it changes, without ".weight".
        role: what it is to the change.
        adapter: which of several adapters in one model, or "".
        word: what its role is called in the file.

    Example:
        >>> part_of("base_model.model.h.0.q_proj.lora_A.weight").module
        'base_model.model.h.0.q_proj'
    """

    module: str
    role: Role
    adapter: str
    word: str


_DOWN: Final = r"lora_A|lora_down|lora\.down|lora_linear_layer\.down|lora_linear_layer_down"
_UP: Final = r"lora_B|lora_up|lora\.up|lora_linear_layer\.up|lora_linear_layer_up"
_EXACT: Final = {
    "lora_mid": Role.MID,
    "lora_embedding_A": Role.EMBEDDING_DOWN,
    "lora_embedding_B": Role.EMBEDDING_UP,
    "lora_magnitude_vector": Role.MAGNITUDE,
    "dora_scale": Role.MAGNITUDE,
    "alpha": Role.ALPHA,
} | {role.value: role for role in Role if role.value.startswith(("hada_", "lokr_"))}
_OTHER: Final = {
    "lora_E": "AdaLoRA", "ranknum": "AdaLoRA", "ia3_l": "IA3", "vera_lambda_b": "VeRA", "vera_lambda_d": "VeRA",
    "oft_r": "OFT", "oft_R": "OFT", "oft_blocks": "OFT", "oft_diag": "OFT", "boft_R": "BOFT", "boft_s": "BOFT",
    "hra_u": "HRA", "fourierft_spectrum": "FourierFT", "vblora_logits_A": "VB-LoRA", "vblora_logits_B": "VB-LoRA",
    "randlora_lambda": "RandLoRA", "randlora_gamma": "RandLoRA", "poly_lora_A": "Poly", "poly_lora_B": "Poly",
    "miss_block": "MiSS", "bone_block": "Bone", "a1": "GLoRA", "a2": "GLoRA", "b1": "GLoRA", "b2": "GLoRA",
}  # fmt: skip
_NOT_ALONE: Final = frozenset({"alpha", "a1", "a2", "b1", "b2"})
# Long expressions, which few files need: compiled, and kept, by the call that first does.
_PATTERN: Final = (
    r"(?P<module>.+?)(?:\.processor)?[._]"
    rf"(?P<word>{_DOWN}|{_UP}|{'|'.join(sorted([*_EXACT, *_OTHER], key=len, reverse=True))})"
    r"(?:\.(?!weight$|bias$)(?P<adapter>[^.]+))?(?P<end>\.weight|\.bias)?"
)
_PROCESSOR: Final = r"(?P<front>.+)\.processor\.(?P<last>to_(?:q|k|v|out))_lora\.(?P<way>down|up)\.weight"
# One of these is in every name that only adapters have.
_TELLING: Final = ("lora", *(word for word in [*_EXACT, *_OTHER] if "lora" not in word and word not in _NOT_ALONE))


def part_of(name: str) -> Part | None:
    """What a tensor is to an adapter, by its name; None for a name that says nothing of one.

    Known are the names of PEFT (`lora_A`, `lora_embedding_A`, `hada_w1_a`, `lokr_w1`), of kohya and LyCORIS
    (`lora_down`, `alpha`), and of diffusers (`lora.down`, `lora_linear_layer.down`, `processor.to_q_lora.down`).

    Args:
        name: as stored.

    Example:
        >>> part_of("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight").role.value
        'down'
        >>> part_of("unet.mid_block.attn1.processor.to_out_lora.up.weight").module
        'unet.mid_block.attn1.to_out.0'
        >>> part_of("h.0.q_proj.lora_B.default.weight").adapter, part_of("h.0.q_proj.weight")
        ('default', None)
    """
    if len(name) > _LONGEST:
        return None
    if found := re.fullmatch(_PROCESSOR, name):
        last = "to_out.0" if found["last"] == "to_out" else found["last"]
        role = Role.DOWN if found["way"] == "down" else Role.UP
        return Part(f"{found['front']}.{last}", role, "", f"lora.{found['way']}")
    found = re.fullmatch(_PATTERN, name)
    if found is None:
        return None
    word = found["word"]
    role = Role.BIAS if found["end"] == ".bias" else _role(word)
    return Part(found["module"], role, found["adapter"] or "", word)


def is_adapter(names: Iterable[str]) -> bool:
    """Whether any of the names is one that only adapters have.

    Example:
        >>> is_adapter(["fc.weight", "snake.alpha"]), is_adapter(["fc.lora_A.weight"])
        (False, True)
    """
    parts = (part_of(name) for name in names if any(word in name for word in _TELLING))
    return any(part is not None and part.word not in _NOT_ALONE for part in parts)


def kind_of(word: str) -> str:
    """The kind of adapter that calls a tensor so, where it is none of LoRA, LoHa and LoKr.

    Example:
        >>> kind_of("ia3_l")
        'IA3'
    """
    return _OTHER.get(word, "")


def _role(word: str) -> Role:
    if word in _OTHER:
        return Role.OTHER
    if word in _EXACT:
        return _EXACT[word]
    return Role.DOWN if word.endswith(("A", "down")) else Role.UP
