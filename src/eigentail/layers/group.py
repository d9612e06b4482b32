"""NAMES -> layers: every tensor becomes one layer, several, or a skip with its reason. No weight is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import msgspec

from eigentail.layers.convolution import cut_convolution, depthwise_channels
from eigentail.layers.families import Rule
from eigentail.layers.geometry import matrix_shape, sides
from eigentail.layers.names import Names, base_of
from eigentail.layers.refusals import is_beside_the_model, refusal
from eigentail.layers.rulebook import Rulebook
from eigentail.layers.split import Fused, Piece, split
from eigentail.records import Cut, Layer, Skip, TensorSpec

_UNKNOWN: Final = Rule(match=("*",), kind="dense")
_NO_CONFIG: Final[Mapping[str, Any]] = {}
_ONE_VALUE: Final = "one row or one column: a single eigenvalue is no spectrum"


class Grouping(msgspec.Struct, frozen=True):
    """What a model consists of: the layers that can be measured and the tensors that cannot.

    Attributes:
        layers: in the source's order, split and numbered from 0.
        skipped: the rest, each with its reason.

    Example:
        >>> Grouping().layers
        ()
    """

    layers: tuple[Layer, ...] = ()
    skipped: tuple[Skip, ...] = ()


def group(specs: Sequence[TensorSpec], config: Mapping[str, Any] = _NO_CONFIG) -> Grouping:
    """The layers of a model, from names and shapes alone.

    Args:
        specs: every tensor, in the source's order.
        config: what lies beside the weights about the architecture; only head counts are looked up in it.

    Returns:
        Every tensor as layers or as a skip, none twice.

    Example:
        >>> fused = TensorSpec(name="h.0.attn.c_attn.weight", shape=(64, 192), dtype="float32", nbytes=49152)
        >>> out = TensorSpec(name="h.0.attn.c_proj.weight", shape=(64, 64), dtype="float32", nbytes=16384)
        >>> [(layer.name, layer.kind, layer.block) for layer in group([fused, out]).layers][1:]
        [('h.0.attn.c_attn.k', 'attention.k', 0), ('h.0.attn.c_attn.v', 'attention.v', 0),
         ('h.0.attn.c_proj', 'attention.o', 0)]
    """
    return _Grouper(specs, config).run()


@final
class _Grouper:
    """One pass over a model: what has been found so far, and what is known of the whole."""

    def __init__(self, specs: Sequence[TensorSpec], config: Mapping[str, Any]) -> None:
        model = [spec for spec in specs if not is_beside_the_model(spec.name)]
        self._specs, self._config = specs, config
        self._all_names = frozenset(spec.name for spec in specs)
        self._names, self._rules = Names(model), Rulebook(model, config)
        self._blocks = self._rules.depths(spec.name for spec in model)
        self._depthwise = depthwise_channels(model)
        self._owners = self._embeddings_among_ties(model)
        self._layers: list[Layer] = []
        self._skipped: list[Skip] = []
        self._last: dict[Rule, int] = {}

    def run(self) -> Grouping:
        """Take in every tensor."""
        for spec in self._specs:
            self._take(spec)
        for rule, index in self._last.items():
            self._layers[index] = msgspec.structs.replace(self._layers[index], kind=rule.last)
        return Grouping(tuple(self._layers), tuple(self._skipped))

    def _take(self, spec: TensorSpec) -> None:
        rule = None if is_beside_the_model(spec.name) else self._rules.rule(spec)
        reason = spec.refused or (rule.skip if rule else "") or refusal(spec, self._all_names) or self._tie(spec)
        pieces = reason or self._pieces(spec, rule)
        if isinstance(pieces, str):
            self._skipped.append(Skip(spec.name, spec.shape, pieces))
            return
        for piece in pieces:
            self._add(spec, piece)
        if rule and rule.last and self._layers and self._layers[-1].tensors[0] is spec:
            self._last[rule] = len(self._layers) - 1

    def _embeddings_among_ties(self, model: Sequence[TensorSpec]) -> dict[str, str]:
        """Memory to the embedding that owns it: a head tied to it is that embedding, whichever is stored first."""
        shared = {spec.tied_to for spec in model if spec.tied_to}
        owners: dict[str, str] = {}
        for spec in model:
            memory = spec.tied_to or spec.name
            rule = self._rules.rule(spec) if memory in shared else None
            if rule and rule.kind.startswith("embedding."):
                owners.setdefault(memory, spec.name)
        return owners

    def _tie(self, spec: TensorSpec) -> str:
        """Why a tensor that shares its memory with one taken before is not taken again."""
        owner = self._owners.setdefault(spec.tied_to or spec.name, spec.name)
        return "" if owner == spec.name else f"the same memory as {owner}, counted once"

    def _pieces(self, spec: TensorSpec, rule: Rule | None) -> Sequence[Piece] | str:
        base, kind = self._base(spec), (rule or _UNKNOWN).kind
        if kind.startswith("embedding.") or _is_padded(spec):
            return (Piece(base, kind, Cut()),)
        if len(spec.shape) - (rule.stacked if rule else 0) == 2:
            return split(Fused(base, spec.shape, rule or _UNKNOWN, self._names, self._config))
        if rule and rule.view:
            return (Piece(base, kind, Cut(view=rule.view)),)
        cut = cut_convolution(spec, rule, self._names, self._depthwise)
        return cut if isinstance(cut, str) else (Piece(base, "conv", cut),)

    def _base(self, spec: TensorSpec) -> str:
        """The layer's name; the whole tensor name where the short one is empty or taken by a neighbour."""
        base = base_of(spec.name)
        return spec.name if not base or base in self._all_names else base

    def _add(self, spec: TensorSpec, piece: Piece) -> None:
        count, rows, columns = matrix_shape(piece.cut, spec.shape)
        if min(rows, columns) < 2 and not _is_whole_when_flattened(piece.cut, spec.shape):
            part = (piece.name, (rows, columns)) if piece.cut.slices else (spec.name, spec.shape)
            self._skipped.append(Skip(*part, _ONE_VALUE))
            return
        layer = Layer(
            index=len(self._layers),
            name=piece.name,
            kind=piece.kind,
            block=self._blocks.get(spec.name),
            tensors=(spec,),
            cut=piece.cut,
            shape=(max(rows, columns), min(rows, columns)),
            count=count,
        )
        self._layers.append(layer)


def _is_padded(spec: TensorSpec) -> bool:
    """Whether a parameter is a matrix behind an axis of size 1; a Conv1d with one output is called "weight"."""
    return len(spec.shape) == 3 and spec.shape[0] == 1 and not spec.name.endswith("weight")


def _is_whole_when_flattened(cut: Cut, shape: Sequence[int]) -> bool:
    """Whether a kernel whose slices are vectors is a matrix once flattened, so that `select` has the last word."""
    return cut.view.startswith("conv") and min(sides(flattened(cut), shape)) >= 2


def flattened(cut: Cut) -> Cut:
    """The cut of a convolution with all kernel positions in one matrix.

    Example:
        >>> flattened(Cut(view="conv-transposed")).view
        'flatten-transposed'
    """
    return msgspec.structs.replace(cut, view=cut.view.replace("conv", "flatten"))
