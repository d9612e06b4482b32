"""A spectrum computed through torch against the same by LAPACK: same rule, same digits, and no failure reaches it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.backends import CPU, Device, cards
from eigentail.backends.cards import Card
from eigentail.errors import LayerError
from eigentail.numerics import spectrum_of
from eigentail.numerics.shuffle import shuffled
from eigentail.records import Spectrum

TORCH = Device(("cpu",))
FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"]
STORED = [*FLOATS, "longdouble", "int8", "uint8", "int16", "int64", "uint16", "bool"]
SHAPES = [(1, 60, 20), (1, 20, 60), (1, 32, 32), (9, 16, 8), (9, 8, 16), (4, 1, 9)]
ROUNDINGS = {"float64": 1e-10, "float32": 16 * float(np.finfo("f4").eps)}


def stored_as(name: str, values: np.ndarray) -> np.ndarray:
    return (values * 20).astype("int8").astype(name) if "int" in name else values.astype(getattr(ml_dtypes, name, name))


def gaussian(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def assert_same(there: Spectrum, here: Spectrum) -> None:
    """All that is said of a spectrum, and its eigenvalues up to the rounding of the arithmetic."""
    fields = ("shape", "count", "rank", "precision", "stored", "scale")
    assert [getattr(there, name) for name in fields] == [getattr(here, name) for name in fields]
    atol = ROUNDINGS[here.precision] * here.lambda_max
    np.testing.assert_allclose(there.eigenvalues, here.eigenvalues, rtol=0, atol=atol)
    assert not there.eigenvalues.flags.writeable
    assert (there.device, there.note, here.device) == ("torch:cpu", "", "cpu")


@pytest.mark.parametrize("precision", ["float64", "float32", "auto"])
@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_same_as_by_lapack(stored: str, shape: tuple[int, ...], precision: str) -> None:
    stack = stored_as(stored, gaussian(*shape))
    assert_same(spectrum_of(stack, precision=precision, device=TORCH), spectrum_of(stack, precision=precision))


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 30), st.integers(1, 30)),
    st.integers(1, 30),
    st.sampled_from(["float64", "float32", "bfloat16"]),
    st.integers(-20, 20),
    st.integers(0, 2**32 - 1),
)
def test_the_same_for_any_stack(shape: tuple[int, int, int], rank: int, stored: str, power: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, rows, columns = shape
    left, right = rng.standard_normal((count, rows, rank)), rng.standard_normal((count, rank, columns))
    stack = stored_as(stored, left @ right * 2.0**power)
    assert_same(spectrum_of(stack, scale=0.5, device=TORCH), spectrum_of(stack, scale=0.5))


@pytest.mark.parametrize(
    ("stored", "size"),
    [
        ("float64", 1e150),
        ("float64", 1e-150),
        ("float32", 1e38),
        ("bfloat16", 1e38),
        ("bfloat16", 1e-30),
        ("int8", 0.0),
    ],
)
@pytest.mark.parametrize("precision", ["float64", "float32", "auto"])
@pytest.mark.parametrize("count", [1, 3])
def test_huge_and_tiny_weights_are_rescaled_there_too(stored: str, size: float, precision: str, count: int) -> None:
    stack = stored_as(stored, np.random.default_rng(0).uniform(-1, 1, (count, 40, 30)) * size)
    assert_same(spectrum_of(stack, precision=precision, device=TORCH), spectrum_of(stack, precision=precision))


@pytest.mark.parametrize("count", [1, 3])
def test_values_that_are_not_finite_are_counted(count: int) -> None:
    stack = gaussian(count, 30, 20)
    stack[0, 3, 5:7] = np.nan, np.inf
    with pytest.raises(LayerError, match=f"^2 of {stack.size} weights are NaN or infinite$"):
        spectrum_of(stack, device=TORCH)


def test_the_guard_against_drowning_works_there_too() -> None:
    weights = gaussian(1, 400, 100)
    weights[0] += 30.0
    assert spectrum_of(stored_as("bfloat16", weights), device=TORCH).precision == "float64"


def test_any_order_in_memory_and_memory_that_may_only_be_read(tmp_path: Path) -> None:
    plain = gaussian(1, 40, 24).astype(np.float32)
    np.save(tmp_path / "w.npy", plain)
    mapped = np.load(tmp_path / "w.npy", mmap_mode="r")
    assert not mapped.flags.writeable
    expected = spectrum_of(plain)
    turned = (np.asfortranarray(plain), plain[:, ::-1, ::-1], plain.astype(">f4"), plain.transpose(0, 2, 1), mapped)
    for stack in turned:
        np.testing.assert_allclose(
            spectrum_of(stack, device=TORCH).eigenvalues, expected.eigenvalues, rtol=0, atol=1e-10 * expected.lambda_max
        )
    spread = np.broadcast_to(plain[:, :1], (1, 40, 24))
    assert spectrum_of(spread, device=TORCH).rank == 1


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_no_more_bytes_cross_than_are_stored_or_computed_with(monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    crossed: list[int] = []
    whole = torch.from_numpy
    monkeypatch.setattr(torch, "from_numpy", lambda array: (crossed.append(array.nbytes), whole(array))[1])
    for stored in STORED:
        stack = stored_as(stored, gaussian(1, 30, 20))
        del crossed[:]
        spectrum_of(stack, precision=precision, device=TORCH)
        converted = stored in ("longdouble", "int64", "uint16", "bool") or stack.itemsize > np.dtype(precision).itemsize
        assert crossed[0] == stack.size * (np.dtype(precision) if converted else stack.dtype).itemsize, stored


@pytest.mark.parametrize("shape", [(1, 200, 30), (1, 30, 200), (40, 12, 9)], ids=str)
def test_blocks_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> None:
    stack = gaussian(*shape)
    parts: list[int] = []
    solve = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda part: (parts.append(part.ndim), solve(part))[1])
    monkeypatch.setattr(cards, "_MOVED_AT_ONCE", 7000)
    assert_same(spectrum_of(stack, device=TORCH), spectrum_of(stack))
    assert len(parts) == (1 if shape[0] == 1 else 5)


def test_a_batch_is_as_large_as_free_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    card, each = Card("cpu"), 8 * (2 * 12 * 9 + 4 * 9 * 9)
    for free, fitting in ((4 * 7 * each, 7), (4 * each - 4, 1), (0, 1)):
        monkeypatch.setattr(card, "_free", lambda free=free: free)
        sizes = [product.eigenvalues().size // 9 for product in card.products(gaussian(20, 12, 9), np.dtype("f8"), 1.0)]
        assert (sizes[0], sum(sizes)) == (fitting, 20)


FAILURES = {
    "too little memory": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "the eigenvalues did not converge": torch.linalg.LinAlgError("linalg.eigh: (Batch element 0): failed to converge"),
    "cusolver error: 7": RuntimeError("cusolver error: 7\nand much that nobody reads"),
    "Cannot convert a MPS Tensor to float64": TypeError("Cannot convert a MPS Tensor to float64"),
}


@pytest.mark.parametrize("step", ["mT", "eigvalsh"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("failure", FAILURES)
def test_what_the_card_cannot_do_the_cpu_does(
    monkeypatch: pytest.MonkeyPatch, failure: str, count: int, step: str
) -> None:
    def fail(*_: object) -> None:
        raise FAILURES[failure]

    owner, attribute = (torch.linalg, fail) if step == "eigvalsh" else (torch.Tensor, property(fail))
    monkeypatch.setattr(owner, step, attribute)
    stack = gaussian(count, 30, 20)
    there, here = spectrum_of(stack, device=TORCH), spectrum_of(stack)
    assert there.note == f"computed on the CPU: torch:cpu: {failure}"
    assert there.device == "cpu"
    np.testing.assert_array_equal(there.eigenvalues, here.eigenvalues)


WRONG = {
    "nan": lambda grams, values: values * np.nan,
    "inf": lambda grams, values: values * np.inf,
    "zero": lambda grams, values: values * 0,
    "one off": lambda grams, values: values * (1 + 1e-4 * (values == values.max())),
    "the diagonal": lambda grams, values: grams.diagonal(dim1=-2, dim2=-1).sort().values,  # of cuSOLVER, in batches
    "the mean": lambda grams, values: values.mean(-1, keepdim=True).expand(values.shape),
    "one matrix for another": lambda grams, values: values.flip(0) if values.ndim > 1 else values.cumsum(0),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 3])
def test_what_cannot_be_the_eigenvalues_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, wrong: str, precision: str, count: int
) -> None:
    solve = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda grams: WRONG[wrong](grams, solve(grams)))
    stack = gaussian(count, 300, 20)
    there = spectrum_of(stack, precision=precision, device=TORCH)
    assert there.note == "computed on the CPU: torch:cpu: what was found cannot be the eigenvalues"
    np.testing.assert_array_equal(there.eigenvalues, spectrum_of(stack, precision=precision).eigenvalues)


def test_what_is_right_is_believed() -> None:
    for seed in range(6):
        stack = gaussian(1, 120, 100, seed=seed) * 10.0 ** np.random.default_rng(seed).uniform(-3, 3, 100)
        for precision in ("float32", "float64"):
            assert spectrum_of(stack, precision=precision, device=TORCH).note == ""
    tiny_beside = gaussian(3, 30, 20) * np.array([1, 1e-22, 1e-20])[:, None, None]
    for odd in (tiny_beside, np.zeros((3, 9, 9)), np.eye(300)[None], np.ones((1, 200, 200)), gaussian(2000, 3, 2)):
        for precision in ("float32", "float64"):
            assert spectrum_of(odd, precision=precision, device=TORCH).note == ""


@pytest.fixture
def rounding() -> object:
    """torch as a program leaves it that wants its matrix products fast."""
    yield torch.set_float32_matmul_precision("high")
    torch.set_float32_matmul_precision("highest")


def test_products_keep_their_digits_where_the_program_allows_fewer(rounding: object) -> None:
    assert Card("cpu")._multiplied(np.dtype("f4")) == torch.float64
    stack = gaussian(1, 300, 40).astype(np.float32)
    there = spectrum_of(stack, precision="float32", device=TORCH)
    assert_same(there, spectrum_of(stack, precision="float32"))


@pytest.mark.parametrize(
    ("word", "legacy", "rounds"),
    [("tf32", "highest", True), ("none", "medium", True), ("ieee", RuntimeError, True), ("ieee", "highest", False)],
)
def test_both_ways_to_allow_fewer_digits_are_known(word: str, legacy: object, rounds: bool) -> None:
    def said() -> object:
        if legacy is RuntimeError:
            raise RuntimeError("both the legacy and the new way were used")
        return legacy

    matmul = SimpleNamespace(fp32_precision=word)
    card = Card("cpu")
    card._torch = SimpleNamespace(
        backends=SimpleNamespace(cuda=SimpleNamespace(matmul=matmul)), get_float32_matmul_precision=said
    )
    assert card._rounds() is rounds


def test_products_are_made_in_the_type_of_the_arithmetic_otherwise() -> None:
    assert Card("cpu")._multiplied(np.dtype("f4")) == torch.float32
    assert Card("cpu")._multiplied(np.dtype("f8")) == torch.float64


@pytest.mark.parametrize("count", [1, 4])
def test_shuffled_copies_go_there_too(count: int) -> None:
    stack = gaussian(count, 48, 32)
    there, here = (shuffled(stack, seed=1, replicas=3, device=device) for device in (TORCH, CPU))
    assert {spectrum.device for spectrum in there.spectra} == {"torch:cpu"}
    for one, other in zip(there.spectra, here.spectra, strict=True):
        assert_same(one, other)


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: no CUDA device here")


@needs_cuda
@pytest.mark.parametrize("precision", ["float64", "float32", "auto"])
@pytest.mark.parametrize("stored", STORED)
def test_cuda_agrees_with_lapack(stored: str, precision: str) -> None:
    for shape in (*SHAPES, (1, 700, 500), (300, 64, 32)):
        stack = stored_as(stored, gaussian(*shape))
        there = spectrum_of(stack, precision=precision, device=Device(("cuda:0",)))
        here = spectrum_of(stack, precision=precision)
        assert (there.device, there.note, there.rank) == ("cuda:0", "", here.rank)
        atol = ROUNDINGS[there.precision] * here.lambda_max
        np.testing.assert_allclose(there.eigenvalues, here.eigenvalues, rtol=0, atol=atol)


@needs_cuda
def test_a_matrix_too_large_for_the_card_is_done_by_the_cpu() -> None:
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        spectrum = spectrum_of(gaussian(1, 3000, 1500), device=Device(("cuda:0",)))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert (spectrum.device, spectrum.note) == ("cpu", "computed on the CPU: cuda:0: too little memory")
