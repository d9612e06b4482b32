"""Spectra on a GPU: one matrix of 4096 and of 8192, and a Llama-7B-shaped model, against the CPU and WeightWatcher.

python benchmarks/gpu.py [--device cuda:0] [--runs 3] [--blocks 2] [--sizes 4096 8192]

WeightWatcher 0.7.7 computes on the same card by itself (svd_method="fast": singular values in float32, whatever the
weights are stored in). Needs torch with CUDA; without a GPU it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import ml_dtypes
import numpy as np
from timing import PEER, process

from eigentail.backends import CPU, Device, placed
from eigentail.errors import UsageError
from eigentail.numerics import spectrum_of

LLAMA_7B = {
    **{f"self_attn.{name}_proj": (4096, 4096) for name in "qkvo"},
    **{f"mlp.{name}_proj": (11008, 4096) for name in ("gate", "up")},
    "mlp.down_proj": (4096, 11008),
}
BLOCKS_OF_IT = 32


def main() -> int:
    """Print times and ratios, or that there is nothing to measure on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--blocks", type=int, default=2, help="of the 32 of the model; 0 for none")
    parser.add_argument("--sizes", type=int, nargs="*", default=[4096, 8192])
    args = parser.parse_args()
    try:
        device = placed(args.device, float("inf"))
    except UsageError as error:
        print(f"not measured: no GPU here ({error})")
        return 0
    print(f"on {card_name(args.device)}, median of {args.runs} runs after one to warm up")
    for size in args.sizes:
        for stored in ("float64", "float32"):
            one_matrix(size, stored, device, args.runs)
    solver_noise(device)
    if args.blocks:
        whole_model(args.blocks, args.device, args.runs)
    return 0


def one_matrix(size: int, stored: str, device: Device, runs: int) -> None:
    """Time the spectrum of one Gaussian matrix, and how far the card's eigenvalues are from the CPU's."""
    precision = "float64" if stored == "float64" else "float32"
    stack = np.random.default_rng(0).standard_normal((1, size, size), dtype=stored)
    there = spectrum_of(stack, precision=precision, device=device)
    start = time.perf_counter()
    here = spectrum_of(stack, precision=precision, device=CPU)
    cpu = time.perf_counter() - start
    card = median(lambda: spectrum_of(stack, precision=precision, device=device), runs)
    apart = float(np.abs(there.eigenvalues - here.eigenvalues).max() / here.lambda_max)
    print(f"{size} x {size} {precision}: {card:8.3f} s on {there.device}, {cpu:8.3f} s on the CPU ({cpu / card:.1f} x)")
    print(f"    eigenvalues differ by {apart:.1e} lambda_max; {there.note or 'nothing was left to the CPU'}")
    if stored == "float32" and find_spec("weightwatcher"):
        from weightwatcher import RMT_Util

        RMT_Util.svd_vals(stack[0], method="fast")
        peer = median(lambda: RMT_Util.svd_vals(stack[0], method="fast"), runs)
        print(f"    WeightWatcher's own singular values: {peer:8.3f} s ({peer / card:.1f} x)")


def solver_noise(device: Device) -> None:
    """How large eigenvalues the card returns where there are none: decision 0003 has what the rule for zero allows."""
    rng = np.random.default_rng(0)
    for precision in ("float64", "float32"):
        worst = 0.0
        for size in (64, 256, 1024):
            left, right = rng.standard_normal((size, size // 4)), rng.standard_normal((size // 4, size))
            stack = (left @ right)[None]  # rounded to float64 alone, so that the noise is the solver's
            values = spectrum_of(stack, precision=precision, device=device).eigenvalues
            worst = max(worst, float(values[: size - size // 4].max() / values[-1] / np.finfo(precision).eps))
        print(f"largest eigenvalue where there is none, {precision}: {worst:.1f} eps lambda_max")


def whole_model(blocks: int, device: str, runs: int) -> None:
    """Time whole processes on a sample of the layers of a Llama-7B-shaped bfloat16 checkpoint, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        llama(path, blocks)
        analyze = [sys.executable, "-m", "eigentail", "analyze", str(path), "--no-store"]
        ours = [*analyze, "--format", "quiet"]
        commands = {"eigentail, card": [*ours, "--device", device], "eigentail, CPU": [*ours, "--device", "cpu"]}
        if find_spec("weightwatcher"):
            commands["WeightWatcher"] = [sys.executable, "-c", PEER, folder]
        times = {name: [process(command).wall for _ in range(runs)] for name, command in commands.items()}
        shown = [*analyze, "--json", "--device", device]
        rows = json.loads(subprocess.run(shown, check=True, capture_output=True, text=True).stdout)["layers"]
    first = statistics.median(times["eigentail, card"])
    print(f"{blocks} of {BLOCKS_OF_IT} blocks of Llama 7B (bfloat16, {len(rows)} matrices), whole process")
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(
            f"    {name:16} {middle:8.2f} s ({middle / first:.1f} x), all blocks {middle * BLOCKS_OF_IT / blocks:.0f} s"
        )
    print(f"    computed on {', '.join(sorted({row['device'] for row in rows}))}")


def llama(path: Path, blocks: int) -> None:
    """Blocks of the shapes of Llama 7B in bfloat16: Student-t entries, so that the spectra have tails."""
    shapes = {f"model.layers.{i}.{name}.weight": shape for i in range(blocks) for name, shape in LLAMA_7B.items()}
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * shape[0] * shape[1]
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for shape in shapes.values():
            file.write((0.02 * rng.standard_t(3.5, shape)).astype(ml_dtypes.bfloat16).tobytes())


def median(run: Callable[[], object], runs: int) -> float:
    """Seconds of a call that leaves nothing running: its result is in the memory of the CPU."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def card_name(device: str) -> str:
    """What the maker calls it."""
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


if __name__ == "__main__":
    sys.exit(main())
