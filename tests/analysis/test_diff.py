"""What became of a model: what was changed is found, what was not is not, and each tensor is read once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import scipy.linalg
import torch
from ml_dtypes import bfloat16
from nets import Wrapped, convnet, heavy, mlp, unreadable
from safetensors.torch import save_file
from shared import NO_SHARED_DATA, shared_data

import eigentail as et
from eigentail.analysis.damage import damage_of
from eigentail.analysis.diff import DiffInterrupted, diff
from eigentail.errors import LayerError, SourceError, UsageError
from eigentail.records import FitStatus
from eigentail.records.difference import Deed, Difference, LayerDifference, Outcome, Side, Whole
from eigentail.settings import Settings
from eigentail.sources import opened

Net = dict[str, np.ndarray]
RNG = np.random.default_rng(11)


def matrices(net: Net, change: Callable[[np.ndarray], np.ndarray]) -> Net:
    """The net with every matrix changed."""
    return {name: change(values) if values.ndim > 1 else values for name, values in net.items()}


def noisy(values: np.ndarray, step: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(values.size)
    return (values + step * values.std() * rng.standard_normal(values.shape)).astype(values.dtype)


def outcomes(found: Difference) -> dict[str, str]:
    return {row.name: row.outcome.value for row in found.layers}


@pytest.mark.parametrize("net", [mlp(), convnet()])
def test_a_model_is_identical_to_itself_and_all_its_changes_are_zero(net: Net) -> None:
    found = diff(net, dict(net))
    assert (found.whole, found.deed, found.relative) == (Whole.IDENTICAL, Deed.NOTHING, 0.0)
    assert not any(tensor.share for tensor in found.tensors)
    for row in found.layers:
        assert row.outcome is Outcome.UNTOUCHED
        assert (row.change.relative, row.change.norm, row.change.share, row.change.rank) == (0, 0, 0, 0)
        assert (row.alpha_drift.value, row.log_norm_drift, row.overlap.left, row.overlap.right) == (0, 0, 1, 1)
        assert row.base == row.other


def test_one_changed_layer_is_that_layer_alone() -> None:
    net = mlp()
    found = diff(net, {**net, "fc2.weight": noisy(net["fc2.weight"])})
    assert outcomes(found) == {"fc1": "untouched", "fc2": "changed", "fc3": "untouched", "head": "untouched"}
    assert found.whole is Whole.CHANGED
    assert found.ranked()[0].name == "fc2"
    norms = [np.linalg.norm(net[f"{row.name}.weight"].astype(float)) for row in found.layers]
    change = np.linalg.norm(noisy(net["fc2.weight"]).astype(float) - net["fc2.weight"])
    assert found.layer("fc2").change.relative == pytest.approx(change / norms[1], rel=1e-9)
    assert found.relative == pytest.approx(change / math.hypot(*norms), rel=1e-6)


def test_a_changed_bias_is_a_change() -> None:
    net = mlp()
    found = diff(net, {**net, "fc1.bias": net["fc1.bias"] + 1})
    assert (found.whole, set(outcomes(found).values())) == (Whole.CHANGED, {"untouched"})
    assert [tensor.name for tensor in found.tensors if tensor.is_changed] == ["fc1.bias"]
    assert found.sentence == "0 of 4 layers changed, 1 tensor beside the layers changed"


def test_the_sides_and_the_change_are_measured_as_analyze_measures_them() -> None:
    base = convnet()
    other = matrices(base, lambda values: noisy(values, 0.5))
    found = diff(base, other)
    change = {name: other[name] - base[name] for name in base}
    before, after, delta = (et.analyze(net) for net in (base, other, change))
    for row in found.layers:
        one, two = before.layers[row.name], after.layers[row.name]
        assert row.base.alpha == pytest.approx(one.fit.alpha, rel=1e-12)
        assert row.other.alpha_high == pytest.approx(two.metrics["alpha_hi"], rel=1e-12)
        assert row.log_norm_drift == pytest.approx(two.metrics["log_norm"] - one.metrics["log_norm"], abs=1e-9)
        assert row.change.fit == delta.layers[row.name].fit
        for name in ("noise_p", "stable_rank", "entropy"):
            assert getattr(row.change, name) == pytest.approx(delta.layers[row.name].metrics[name], rel=1e-9)


def test_the_overlap_is_that_of_the_tail_by_principal_angles() -> None:
    base = {"fc.weight": heavy(96, 64, 1, "float64")}
    other = {"fc.weight": base["fc.weight"] + 0.05 * RNG.standard_normal((96, 64))}
    (row,) = diff(base, other).layers
    tail = et.analyze(base).layers["fc"].fit.tail
    (u, _, v), (p, _, q) = (np.linalg.svd(net["fc.weight"]) for net in (base, other))
    assert row.overlap.k == tail
    for found, one, two in ((row.overlap.left, u, p), (row.overlap.right, v.T, q.T)):
        angles = scipy.linalg.subspace_angles(one[:, :tail], two[:, :tail])
        assert found == pytest.approx(np.mean(np.cos(angles) ** 2), abs=1e-9)


def test_noise_is_told_from_structure() -> None:
    net = {"a.weight": heavy(128, 96, 1), "b.weight": heavy(128, 96, 2)}
    step = 0.01 * RNG.standard_normal((128, 96)).astype(np.float32)
    found = diff(net, {"a.weight": net["a.weight"] + step, "b.weight": net["b.weight"] + 0.01 * heavy(128, 96, 3)})
    assert found.layer("a").change.noise_p > 0.01
    assert found.layer("b").change.noise_p < 0.01


class TestWhatWasDone:
    @pytest.mark.parametrize("rank", [1, 3, 8])
    def test_a_merged_adapter_is_a_change_of_its_rank(self, rank: int) -> None:
        net = mlp()

        def merged(values: np.ndarray) -> np.ndarray:
            update = 0.01 * RNG.standard_normal((len(values), rank)) @ RNG.standard_normal((rank, values.shape[1]))
            return (values + update).astype(np.float32)

        tuned = matrices(net, merged) | {"head.weight": net["head.weight"]}
        found = diff(net, tuned)
        assert (found.deed, found.done) == (Deed.LOW_RANK, f"{Deed.LOW_RANK.sentence}: rank {rank}")
        assert [row.change.rank for row in found.layers] == [rank, rank, rank, 0]
        status = FitStatus.RANK_ONE if rank == 1 else FitStatus.TOO_FEW if rank < 8 else None
        assert status is None or {row.change.fit.status for row in found.layers[:3]} == {status}

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_a_pruned_copy(self, share: float) -> None:
        net = mlp()
        pruned = matrices(net, lambda w: np.where(np.abs(w) < np.quantile(np.abs(w), share), 0, w).astype(w.dtype))
        found = diff(net, pruned)
        assert found.deed is Deed.PRUNED
        assert f"{100 * share:.1f} % of them are zero now" in found.done
        for row in found.layers:
            assert row.base.zeros == 0
            assert row.other.zeros == row.change.zeros_gained == pytest.approx(share, abs=0.01)

    @pytest.mark.parametrize("dtype", [np.float16, bfloat16])
    @pytest.mark.parametrize("back", [False, True])
    def test_a_copy_in_sixteen_bits(self, dtype: type, back: bool) -> None:
        net = mlp()
        cast = matrices(net, lambda w: w.astype(dtype).astype(np.float32) if back else w.astype(dtype))
        found = diff(net, cast)
        assert (found.deed, found.whole) == (Deed.CAST, Whole.CHANGED)
        assert found.done.endswith(np.dtype(dtype).name)
        assert {row.other.dtype for row in found.layers} == {"float32" if back else np.dtype(dtype).name}

    def test_a_wider_copy_is_identical_and_its_type_is_told(self) -> None:
        found = diff(mlp(), {name: values.astype(np.float64) for name, values in mlp().items()})
        assert found.whole is Whole.IDENTICAL
        assert found.done == "the values are the same; float32 is stored as float64 now"

    @pytest.mark.parametrize("bits", [2, 4, 8])
    def test_a_quantised_copy(self, bits: int) -> None:
        def quantised(values: np.ndarray) -> np.ndarray:
            step = np.abs(values).max(1, keepdims=True) / (2 ** (bits - 1) - 1)
            return (np.rint(values / step) * step).astype(np.float32)

        net = {f"fc{i}.weight": RNG.standard_normal((96, 128)).astype(np.float32) for i in range(3)}
        found = diff(net, matrices(net, quantised))
        assert found.deed is Deed.QUANTISED
        assert all(row.other.levels < 2**bits and not row.base.few_levels for row in found.layers)

    def test_a_full_fine_tune(self) -> None:
        found = diff(mlp(), matrices(mlp(), noisy))
        assert found.deed is Deed.DENSE
        assert all(not row.change.low_rank for row in found.layers)

    def test_another_run_has_nothing_in_common(self) -> None:
        net = {f"fc{i}.weight": heavy(96, 64, i) for i in range(3)}
        other = {f"fc{i}.weight": (1 + 4 * (i == 1)) * heavy(96, 64, 10 + i) for i in range(3)}
        found = diff(net, other)
        assert found.deed is Deed.ANEW
        # the norm of fc1 jumps, but it is no copy that anything happened to
        assert found.outcomes == {"changed": 3}

    def test_several_things(self) -> None:
        net = mlp()
        mixed = {**net, "fc1.weight": noisy(net["fc1.weight"]), "fc2.weight": net["fc2.weight"] + np.float32(1)}
        found = diff(net, mixed)
        assert found.deed is Deed.SEVERAL
        assert "dense in 1" in found.done
        assert "low-rank in 1" in found.done


class TestDamage:
    def test_a_norm_that_jumps_alone(self) -> None:
        net = mlp()
        found = diff(net, {**matrices(net, noisy), "fc2.weight": 2 * net["fc2.weight"]})
        assert outcomes(found)["fc2"] == "damaged"
        assert found.layer("fc2").reason == "its norm is 2 times that before, for most layers 1 times"
        assert found.outcomes["damaged"] == 1
        assert found.whole is Whole.DAMAGED

    def test_norms_that_all_jump_are_a_scale(self) -> None:
        assert diff(mlp(), matrices(mlp(), lambda values: 2 * values)).outcomes == {"changed": 4}

    def test_rank_collapse(self) -> None:
        net = mlp()
        collapsed = net["fc2.weight"].copy()
        u, s, v = np.linalg.svd(collapsed, full_matrices=False)
        s[20:] = 0
        found = diff(net, {**net, "fc2.weight": ((u * s) @ v)})
        assert outcomes(found)["fc2"] == "damaged"
        assert found.layer("fc2").reason == "rank collapse: 60 of 80 eigenvalues are zero, 0 before"

    def test_a_layer_of_zeros(self) -> None:
        found = diff(mlp(), {**mlp(), "fc2.weight": np.zeros((80, 96), np.float32)})
        row = found.layer("fc2")
        assert (row.outcome, row.change.relative) == (Outcome.DAMAGED, 1.0)
        assert math.isnan(row.other.alpha)

    def test_weights_that_are_no_numbers_now(self) -> None:
        bad = mlp()["fc2.weight"].copy()
        bad[3, 3] = np.nan
        found = diff(mlp(), {**mlp(), "fc2.weight": bad})
        assert found.layer("fc2").reason == "1 of 7680 weights are NaN or infinite now"
        assert found.whole is Whole.DAMAGED

    def test_a_tail_that_noise_has_drowned(self) -> None:
        net = {f"fc{i}.weight": heavy(192, 160, i) for i in range(3)}
        noise = np.random.default_rng(0).standard_normal((192, 160)).astype(np.float32)
        more = noise * np.float32(8 * np.linalg.norm(net["fc1.weight"]) / np.linalg.norm(noise))
        drowned = (net["fc1.weight"] + more) / 8  # its norm is what it was, nearly
        found = diff(net, {**net, "fc1.weight": drowned})
        assert found.layer("fc1").reason.startswith("cannot be told from noise now: ")
        assert found.outcomes == {"untouched": 2, "damaged": 1}

    @pytest.mark.parametrize(
        ("alpha", "high", "same_tail", "says"),
        [
            (5.0, 6.0, 5.0, "alpha left its interval: 5.00 after 3.00 (2.50 to 3.50)"),
            (5.0, 6.0, 3.2, ""),  # xmin jumped, and with as many eigenvalues in the tail alpha is what it was
            (2.3, 2.4, 2.3, ""),  # a heavier tail within the range of good layers is none
            (1.7, 1.8, 1.7, "alpha left its interval: 1.70 after 3.00 (2.50 to 3.50)"),
        ],
    )
    def test_alpha_leaves_its_interval_for_the_worse(
        self, alpha: float, high: float, same_tail: float, says: str
    ) -> None:
        def side(alpha: float, low: float, high: float, same_tail: float) -> Side:
            return Side(
                dtype="float32", rank=64, alpha=alpha, alpha_low=low, alpha_high=high, alpha_same_tail=same_tail
            )

        layer = et.describe({"fc.weight": heavy(96, 64, 1)}).layers[0]
        before, after = side(3.0, 2.5, 3.5, 3.0), side(alpha, 2 * alpha - high, high, same_tail)
        assert damage_of(layer, before, after) == says
        small = et.describe({"fc.weight": heavy(96, 40, 1)}).layers[0]
        assert damage_of(small, before, after) == ""
        assert damage_of(layer, msgspec.structs.replace(before, noise_p=0.5), after) == ""

    def test_training_damages_no_untrained_net(self) -> None:
        net = {f"fc{i}.weight": RNG.standard_normal((96, 64)).astype(np.float32) for i in range(3)}
        assert diff(net, {name: heavy(96, 64, 5) for name in net}).outcomes == {"changed": 3}

    @pytest.mark.parametrize("seed", range(4))
    def test_a_small_change_hurts_nobody(self, seed: int) -> None:
        net = {f"fc{i}.weight": heavy(96, 64, 10 * seed + i) for i in range(4)}
        assert diff(net, matrices(net, lambda w: noisy(w, 0.003))).outcomes == {"changed": 4}

    def test_traps_are_looked_for_where_they_are_asked_for(self) -> None:
        net = {"fc.weight": RNG.standard_normal((128, 96)).astype(np.float32)}
        spiked = {"fc.weight": net["fc.weight"].copy()}
        spiked["fc.weight"][5, 7] = 60
        assert diff(net, spiked).layers[0].other.traps is None
        (row,) = diff(net, spiked, Settings(metrics=("num_traps",))).layers
        assert (row.outcome, row.reason) == (Outcome.DAMAGED, "1 correlation traps, 0 before")


class TestTwoSides:
    def test_layers_missing_on_either_side(self) -> None:
        base, other = mlp(), mlp()
        del base["fc1.weight"], other["fc3.weight"]
        found = diff(base, other)
        assert outcomes(found) == {
            "fc2": "untouched", "fc3": "missing-in-other", "head": "untouched", "fc1": "missing-in-base",
        }  # fmt: skip
        assert (found.whole, found.relative) == (Whole.CHANGED, 0.0)
        assert found.sentence == "0 of 2 layers changed, 1 missing in the other, 1 missing in the base"

    def test_a_tensor_missing_beside_the_layers_is_no_identity(self) -> None:
        other = mlp()
        del other["fc1.bias"]
        found = diff(mlp(), other)
        assert (found.whole, found.tensors[0].reason) == (Whole.CHANGED, "only in the base")

    def test_another_head_is_not_comparable(self) -> None:
        found = diff(mlp(), {**mlp(), "head.weight": heavy(20, 60, 4)})
        assert outcomes(found)["head"] == "not-comparable"
        assert found.layer("head").reason == "10x60 in the base, 20x60 in the other"

    def test_integer_codes_are_not_comparable(self) -> None:
        found = diff(mlp(), {**mlp(), "head.weight": np.ones((10, 60), np.int8)})
        assert found.layer("head").reason.startswith("in the other: integer codes (int8)")
        found = diff({**mlp(), "head.weight": np.ones((10, 60), np.int8)}, mlp())
        assert found.layer("head").reason.startswith("in the base: integer codes (int8)")
        assert "head.weight" not in {tensor.name for tensor in found.tensors}

    def test_transposed_storage_is_told_and_not_taken_for_a_change(self) -> None:
        base = {"a.weight": heavy(96, 64, 1), "b.weight": heavy(64, 64, 2), "c.weight": heavy(64, 64, 3)}
        found = diff(base, base | {name: base[name].T for name in ("a.weight", "b.weight")})
        assert outcomes(found) == {"a": "not-comparable", "b": "not-comparable", "c": "untouched"}
        assert all("transposed" in row.reason for row in found.layers[:2])

    def test_the_order_in_memory_does_not_matter(self) -> None:
        turned = matrices(mlp(), np.asfortranarray)
        assert diff(mlp(), turned).whole is Whole.IDENTICAL

    def test_wrapped_names_are_the_same_layers(self) -> None:
        wrapped = {f"base_model.model.{name}": values for name, values in mlp().items()}
        assert diff(mlp(), wrapped).whole is Whole.IDENTICAL

    def test_an_untied_head_is_a_layer_of_its_own(self) -> None:
        table = heavy(96, 64, 1)
        tied = {"wte.weight": table, "lm_head.weight": table, "fc.weight": heavy(64, 64, 2)}
        found = diff(tied, {**tied, "lm_head.weight": noisy(table)})
        assert outcomes(found) == {"wte": "untouched", "lm_head": "changed", "fc": "untouched"}
        assert diff(tied, tied).whole is Whole.IDENTICAL

    def test_unrelated_models_keep_what_they_share(self) -> None:
        base = {f"a{i}.weight": heavy(64, 48, i) for i in range(5)} | {"fc.weight": heavy(64, 48, 9)}
        other = {f"b{i}.weight": heavy(64, 48, i) for i in range(5)} | {"fc.weight": heavy(64, 48, 9)}
        found = diff(base, other)
        assert found.whole is Whole.UNRELATED
        assert found.sentence == "only 1 of the 6 layers of the smaller model match the other's"
        assert found.layer("fc").outcome is Outcome.UNTOUCHED

    def test_models_that_share_nothing_are_told_in_one_sentence(self) -> None:
        with pytest.raises(UsageError, match=r"the two share no layer: fc1 \(96x64\): the other has no such tensor"):
            diff({"fc1.weight": heavy(96, 64, 1)}, {"conv.weight": np.ones((16, 16, 3, 3))})

    def test_only_the_layers_asked_for_are_read(self) -> None:
        found = diff(mlp(), {**mlp(), "head.weight": heavy(11, 60, 4)}, Settings(layers=("fc1",)))
        assert outcomes(found) == {"fc1": "untouched"}
        assert found.tensors == ()
        assert {skip.name for skip in found.skipped} >= {"fc2", "fc3"}


class TestReading:
    @pytest.mark.parametrize("conv", ["pooled", "per-slice", "flatten"])
    def test_each_tensor_of_each_side_is_read_once(self, conv: Any) -> None:
        fused = {
            "h.0.attn.c_attn.weight": heavy(48, 144, 1),
            "h.0.attn.c_proj.weight": heavy(48, 48, 2),
            "h.0.attn.c_attn.bias": np.zeros(144, np.float32),
            "h.1.attn.in_proj_weight": heavy(144, 48, 3),
            **convnet(),
        }
        read = Counter[tuple[str, str]]()
        sides = [Wrapped(fused, lambda name, side=side: read.update([(side, name)])) for side in ("base", "other")]
        found = diff(*sides, Settings(conv=conv))
        # q, k and v lie in rows of their own there: three reads of a third each
        assert read.pop(("base", "h.1.attn.in_proj_weight")) == read.pop(("other", "h.1.attn.in_proj_weight")) == 3
        assert read == Counter((side, name) for side in ("base", "other") for name in fused if "in_proj" not in name)
        assert found.whole is Whole.IDENTICAL
        assert not any(side.closed for side in sides)

    def test_a_layer_that_cannot_be_read_leaves_the_others(self) -> None:
        found = diff(mlp(), unreadable("fc2.weight"))
        assert found.outcomes == {"untouched": 3, "failed": 1}
        assert found.layer("fc2").reason == "net.bin: the disk is gone: plug it in"
        assert found.whole is Whole.CHANGED
        with pytest.raises(LayerError, match="the disk is gone"):
            diff(mlp(), unreadable("fc2.weight"), Settings(strict=True))

    def test_weights_that_were_never_numbers(self) -> None:
        bad = mlp()["fc2.weight"].copy()
        bad[0, 0] = np.inf
        assert diff({**mlp(), "fc2.weight": bad}, mlp()).layer("fc2").outcome is Outcome.FAILED
        with pytest.raises(LayerError, match="1 of 7680 weights"):
            diff({**mlp(), "fc2.weight": bad}, mlp(), Settings(strict=True))
        same = diff({**mlp(), "fc2.weight": bad}, {**mlp(), "fc2.weight": bad})
        assert same.whole is Whole.IDENTICAL
        assert math.isnan(same.layer("fc2").base.alpha)

    @pytest.mark.parametrize("workers", [1, 2])
    def test_workers_change_no_digit(self, workers: int) -> None:
        base = mlp() | {f"x{i}.weight": heavy(70, 60, i) for i in range(6)}
        other = matrices(base, noisy)
        serial, threaded = diff(base, other), diff(base, other, using=et.threads(workers))
        for one, two in zip(serial.layers, threaded.layers, strict=True):
            assert numbers(one) == pytest.approx(numbers(two), rel=1e-10, nan_ok=True)
        assert repr(serial.by_kind) == repr(threaded.by_kind)

    @pytest.mark.parametrize("size", [1e-6, 1e6])
    def test_scale_changes_no_shape(self, size: float) -> None:
        base, other = {"fc.weight": heavy(96, 64, 1, "float64")}, {"fc.weight": heavy(96, 64, 1, "float64")}
        other["fc.weight"] = noisy(other["fc.weight"], 0.1)
        plain = numbers(diff(base, other).layers[0])
        scaled = numbers(diff(*({"fc.weight": size * net["fc.weight"]} for net in (base, other))).layers[0])
        assert scaled == pytest.approx(plain, rel=1e-9, nan_ok=True)

    def test_an_interruption_keeps_what_is_finished(self) -> None:
        class Stop:
            def started(self, description: Any) -> None:
                assert len(description.layers) == 4

            def finished(self, row: LayerDifference) -> None:
                raise KeyboardInterrupt

        with pytest.raises(DiffInterrupted) as stopped:
            diff(mlp(), mlp(), progress=Stop())
        assert [row.name for row in stopped.value.difference.layers] == ["fc2"]

    def test_unknown_words_are_told_before_anything_is_read(self) -> None:
        with pytest.raises(UsageError, match="alhpa"):
            diff(mlp(), mlp(), Settings(metrics=("alhpa",)))
        with pytest.raises(SourceError, match="no layer to compare"):
            diff({"b": np.ones(3)}, mlp())


def numbers(row: LayerDifference) -> list[float]:
    """Everything that does not scale with the weights."""
    change, overlap, drift = row.change, row.overlap, row.alpha_drift
    return [
        change.relative, change.share, change.fit.alpha, change.noise_p, change.stable_rank, change.entropy,
        overlap.k, overlap.left, overlap.right, drift.value, drift.low, drift.high, row.log_norm_drift,
        row.base.alpha, row.other.alpha, row.base.levels, row.other.levels,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((9, 9)),
        np.ones((9, 9)),
        np.full((9, 9), 5e-324),
        np.diag(10.0 ** np.linspace(-15, 15, 12)),
        np.diag([1e150] * 8 + [1.0]),
        np.full((64, 8), 1e300),
    ],
)
def test_odd_numbers_give_a_row_and_no_warning(values: np.ndarray) -> None:
    for base, other in ((values, np.eye(*values.shape)), (np.eye(*values.shape), values), (values, 3 * values)):
        (row,) = diff({"fc.weight": base}, {"fc.weight": other}).layers
        assert row.reason


def test_files_give_what_is_in_memory(tmp_path: Path) -> None:
    base = {name: torch.from_numpy(values) for name, values in mlp().items()}
    other = {name: (values + 0.01 * torch.randn_like(values)).bfloat16() for name, values in base.items()}
    save_file(base, tmp_path / "base.safetensors")
    save_file(other, tmp_path / "other.safetensors")
    read, live = diff(tmp_path / "base.safetensors", tmp_path / "other.safetensors"), diff(base, other)
    for row, twin in zip(read.layers, live.layers, strict=True):
        assert numbers(row) == pytest.approx(numbers(twin), rel=1e-12, nan_ok=True)
        name = f"{row.name}.weight"
        exact = torch.linalg.norm(other[name].double() - base[name].double()) / torch.linalg.norm(base[name].double())
        assert row.change.relative == pytest.approx(float(exact), rel=1e-9)
        assert (row.base.dtype, row.other.dtype) == ("float32", "bfloat16")


def held(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of a file."""
    with opened(path) as source:
        return {spec.name: source.read(spec) for spec in source.tensors()}


@pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
def test_a_real_fine_tune_for_eight_levels_is_one_of_every_layer() -> None:
    models = shared_data() / "models"  # type: ignore[operator]
    (base,) = (models / "akamaster__pytorch_resnet_cifar10").glob("resnet20-*.th")
    (tuned,) = (models / "sitharajeyaraj__pytorch_resnet_cifar10").glob("*.pth")
    found = diff(base, tuned)
    # the weights in the file are those before the quantiser: full precision, and no copy with few levels
    assert (found.whole, found.deed, found.outcomes) == (Whole.CHANGED, Deed.DENSE, {"changed": 20})
    assert not any(row.other.few_levels for row in found.layers)
    pairs = [(held(base)[f"{row.name}.weight"], held(tuned)[f"{row.name}.weight"]) for row in found.layers]
    exact = [float(np.linalg.norm(b.astype(float) - a) / np.linalg.norm(a.astype(float))) for a, b in pairs]
    assert [row.change.relative for row in found.layers] == pytest.approx(exact, rel=1e-9)
    assert all(row.overlap.left > 0.7 for row in found.layers)
    assert any(tensor.reason == "only in the other" for tensor in found.tensors)
