"""Make the tables of docs/scale.md: plans for models too large to analyse on a desk, from the cost model.

    python scripts/scale.py [--recalibrate]

The machine is the one in scripts/machine.json, so that the page can be made again anywhere; with `--recalibrate` it is
this one.
"""

from __future__ import annotations

import argparse
import math
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from measured.page import put, table

from eigentail.analysis.calibrate import this_machine
from eigentail.analysis.cost import cost_of
from eigentail.analysis.describe import described
from eigentail.records import SourceRef, TensorSpec
from eigentail.records.cost import Cost, Hands, Machine
from eigentail.records.description import Description
from eigentail.reports.cost_table import duration
from eigentail.settings import Settings

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "scale.md"
MACHINE = HERE / "machine.json"
READING = 1e9
# Processes of two workers each: what was calibrated is then never stretched to cores that were not measured.
WORKERS = 2
CROWDS = (1, 32, 256)
Shape = tuple[int, ...]


class Header(NamedTuple):
    """A checkpoint of which only the header is known: enough to describe it."""

    specs: tuple[TensorSpec, ...]
    config: Mapping[str, Any]
    ref: SourceRef

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor."""
        return self.specs


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recalibrate", action="store_true")
    if parser.parse_args().recalibrate:
        MACHINE.write_bytes(msgspec.json.format(msgspec.json.encode(this_machine(again=True))) + b"\n")
    text = PAGE.read_text(encoding="utf-8")
    for name, content in tables(machine_on_file()).items():
        text = put(text, name, content)
    PAGE.write_text(text, encoding="utf-8")
    return 0


def machine_on_file() -> Machine:
    """The calibration that the page was made with."""
    return msgspec.json.decode(MACHINE.read_bytes(), type=Machine)


def tables(machine: Machine) -> dict[str, str]:
    """The tables of the page by name."""
    models = tomllib.loads((HERE / "large_models.toml").read_text(encoding="utf-8"))["models"]
    works = {model["name"]: describe(model) for model in models}
    return {
        "machine": table(("fact", "value"), facts(machine)),
        "models": table(
            ("model", "weights", "matrices", "bytes (bf16)", "operations", "the dearest matrix", "its time"),
            [size_row(name, work, machine) for name, work in works.items()],
        ),
        "plans": table(
            ("model", *(f"{n * WORKERS} cores" for n in CROWDS), "floor, 1 machine", "memory of a process"),
            [plan_row(name, work, machine) for name, work in works.items()],
        ),
        "sources": table(("model", "shapes from"), [(model["name"], model["source"]) for model in models]),
    }


def facts(machine: Machine) -> list[tuple[str, str]]:
    """What the plans rest on."""
    return [
        ("machine", machine.facts),
        ("calibrated", machine.made),
        *((f"matrix product, {dtype}", rates(machine, dtype)) for dtype in ("float64", "float32")),
        ("spectrum of 2048x2048, float32, one thread", duration(machine.squares["float32"][-1][1])),
        ("reading, assumed", "1 GB/s a process"),
    ]


def rates(machine: Machine, dtype: str) -> str:
    """Of one thread and of one on each core."""
    one, every = (rate / 1e9 for rate in machine.products[dtype])
    return f"{one:.0f} GFLOP/s by one thread, {every:.0f} by one on each of {machine.cores} cores"


def size_row(name: str, work: Description, machine: Machine) -> tuple[str, ...]:
    """What there is to do."""
    dearest = plan(work, machine, 1).dearest
    shape = "x".join(map(str, next(layer.shape for layer in work.layers if layer.index == dearest.index)))
    weights = sum(math.prod(layer.shape) * layer.count for layer in work.layers)
    return (
        name,
        f"{weights / 1e9:.0f} billion",
        f"{sum(layer.count for layer in work.layers)}",
        f"{work.nbytes / 1e12:.2f} TB",
        f"{work.flops / 1e15:.1f} PFLOP",
        f"{dearest.name} ({shape})",
        duration(dearest.seconds),
    )


def plan_row(name: str, work: Description, machine: Machine) -> tuple[str, ...]:
    """How long, by how many."""
    plans = [plan(work, machine, n) for n in CROWDS]
    times = (duration(found.seconds) for found in plans)
    return (name, *times, duration(plans[0].floor), f"{max(found.memory for found in plans) / 1e9:.1f} GB")


def plan(work: Description, machine: Machine, machines: int) -> Cost:
    """The prediction for so many machines of two workers."""
    hands = Hands(workers=WORKERS, machines=machines)
    return cost_of(work, machine, hands=hands, reading=READING, stored=True)


def describe(model: Mapping[str, Any]) -> Description:
    """The layers of a model that nobody downloaded."""
    specs = tuple(
        TensorSpec(name=f"{name}.weight", shape=shape, dtype="bfloat16", nbytes=2 * math.prod(shape))
        for name, shape in shapes(model)
    )
    header = Header(specs, {}, SourceRef("safetensors", model["name"]))
    return described(header, Settings())  # type: ignore[arg-type]


def shapes(model: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    """Every matrix by its name in the Hugging Face checkpoints."""
    hidden, vocabulary = model["hidden"], model["vocabulary"]
    yield "model.embed_tokens", (vocabulary, hidden)
    for i in range(model["blocks"]):
        at = f"model.layers.{i}"
        for name, shape in (latent_attention if "kv_rank" in model else attention)(model).items():
            yield f"{at}.self_attn.{name}", shape
        for name, width in mlps(model, i):
            yield f"{at}.mlp.{name}gate_proj", (width, hidden)
            yield f"{at}.mlp.{name}up_proj", (width, hidden)
            yield f"{at}.mlp.{name}down_proj", (hidden, width)
        if "experts" in model and i >= model["dense_blocks"]:
            yield f"{at}.mlp.gate", (model["experts"], hidden)
    yield "lm_head", (vocabulary, hidden)


def attention(model: Mapping[str, Any]) -> dict[str, Shape]:
    """Grouped queries."""
    hidden = model["hidden"]
    kv = hidden // model["heads"] * model["kv_heads"]
    return {"q_proj": (hidden, hidden), "k_proj": (kv, hidden), "v_proj": (kv, hidden), "o_proj": (hidden, hidden)}


def latent_attention(model: Mapping[str, Any]) -> dict[str, Shape]:
    """Queries, keys and values by way of a few dimensions."""
    hidden, heads, nope, rope = model["hidden"], model["heads"], model["nope"], model["rope"]
    return {
        "q_a_proj": (model["q_rank"], hidden),
        "q_b_proj": (heads * (nope + rope), model["q_rank"]),
        "kv_a_proj_with_mqa": (model["kv_rank"] + rope, hidden),
        "kv_b_proj": (heads * (nope + model["value"]), model["kv_rank"]),
        "o_proj": (hidden, heads * model["value"]),
    }


def mlps(model: Mapping[str, Any], block: int) -> Iterator[tuple[str, int]]:
    """Each MLP of a block, and how wide it is."""
    if block < model.get("dense_blocks", model["blocks"]):
        yield "", model["mlp"]
        return
    for expert in range(model["experts"]):
        yield f"experts.{expert}.", model["expert_mlp"]
    yield "shared_experts.", model["shared_experts"] * model["expert_mlp"]


if __name__ == "__main__":
    sys.exit(main())
