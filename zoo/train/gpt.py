"""Train small GPT-2s, character by character, on the source of Python's standard library.

Two series and a demo come out of four runs: the width of the net (equal tokens for all), the training steps of
one of them, and an untrained and trained pair small enough to travel in the wheel.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from budget import Budget, OutOfTimeError
from corpus import VOCABULARY, Corpus, read_corpus
from gpt_model import CONTEXT, HEADS, LAYERS, Gpt
from gpt_series import STEPS, WIDTHS, kept_steps, path_of, series_of, study_paths, write_studies
from nets import State, as_stored, load, make_deterministic, metadata, parameters, save
from numpy.typing import NDArray
from study_file import verify
from torch import Tensor

BATCH = 32
PEAK_RATE = 2e-3
FINAL_SHARE = 0.1
WARM_UP = 100
SEED = 0
RECIPE = (
    f"GPT-2, {LAYERS} layers, {HEADS} heads, context {CONTEXT}, {VOCABULARY} characters, no dropout; AdamW "
    f"(0.9, 0.95), weight decay 0.1 on matrices, peak rate {PEAK_RATE:g}, warm-up {WARM_UP}, cosine to a tenth over "
    f"{{steps}} steps, batch {BATCH}, gradient norm clipped at 1, seed {SEED}"
)


def windows(text: NDArray[np.uint8], starts: NDArray[np.int64]) -> Tensor:
    """One row of CONTEXT + 1 characters for each start: the inputs and, one to the right, the answers."""
    return torch.from_numpy(text[starts[:, None] + np.arange(CONTEXT + 1)].astype(np.int64))


def rate(step: int, steps: int) -> float:
    """Learning rate: linear warm-up, then half a cosine down to a tenth of the peak."""
    if step < WARM_UP:
        return PEAK_RATE * (step + 1) / WARM_UP
    share = 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))
    return PEAK_RATE * (FINAL_SHARE + (1 - FINAL_SHARE) * share)


def optimizer_of(net: Gpt) -> torch.optim.AdamW:
    """AdamW that decays matrices and leaves biases and norms alone."""
    weights = list(net.parameters())
    groups = [
        {"params": [w for w in weights if w.dim() >= 2], "weight_decay": 0.1},
        {"params": [w for w in weights if w.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95))


def train(width: int, steps: int, corpus: Corpus, budget: Budget) -> Iterator[tuple[int, State]]:
    """Yield the weights, rounded as stored, at each step that is kept; every width sees the same batches."""
    torch.manual_seed(SEED)
    draw = np.random.default_rng(SEED)
    net = Gpt(VOCABULARY, width)
    optimizer = optimizer_of(net)
    for step in range(steps + 1):
        if step in kept_steps(width, steps):
            yield step, as_stored(net.state_dict(), torch.bfloat16)
        if step == steps:
            return
        budget.check(f"training width {width}, step {step} of {steps}")
        starts = draw.integers(0, len(corpus.train) - CONTEXT, size=BATCH)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        optimizer.zero_grad()
        net.loss(windows(corpus.train, starts)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()


def bits_per_character(state: State, corpus: Corpus) -> float:
    """Mean bits over the whole held-out text, cut into windows that do not overlap; rounded to six places."""
    net = Gpt(VOCABULARY, state["transformer.wte.weight"].shape[1])
    net.load_state_dict(state)
    starts = np.arange(0, len(corpus.held_out) - CONTEXT, CONTEXT)
    total = 0.0
    with torch.no_grad():
        for chunk in np.split(starts, range(64, len(starts), 64)):
            total += float(net.loss(windows(corpus.held_out, chunk))) * len(chunk)
    return round(total / len(starts) / math.log(2), 6)


def train_and_save(root: Path, width: int, steps: int, corpus: Corpus, budget: Budget) -> None:
    """Train one width; write its files only when the last step is done."""
    began = budget.spent()
    kept = list(train(width, steps, corpus, budget))
    for step, state in kept:
        value = bits_per_character({name: tensor.float() for name, tensor in state.items()}, corpus)
        facts = {
            "format": "pt",
            "series": series_of(width, step, steps),
            "recipe": RECIPE.format(steps=steps),
            "width": str(width),
            "step": str(step),
            "metric": "held-out bits per character",
            "value": repr(value),
            "corpus_sha256": corpus.sha256,
            "python": corpus.python,
            "torch": torch.__version__,
        }
        save(path_of(root, width, step, steps), state, facts)
        sys.stderr.write(f"width {width}, step {step}: {value:.6f} bits per character\n")
    count = parameters(path_of(root, width, steps, steps))
    sys.stderr.write(f"width {width}: {count} parameters, {budget.spent() - began:.0f} s\n")


def measure_file(path: Path, corpus: Corpus) -> float:
    """Measure a shipped net again; refuses when this Python's sources are not the text it was measured on."""
    facts = metadata(path)
    if facts["corpus_sha256"] != corpus.sha256:
        raise SystemExit(
            f"{path.name} was measured on the standard library of Python {facts['python']}; the sources of this "
            f"Python {corpus.python} differ. Run the script with Python {facts['python']}."
        )
    return bits_per_character(load(path), corpus)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parents[2]
    parser.add_argument("--out", type=Path, default=here, help="root of the repository, or any folder laid out like it")
    parser.add_argument("--width", type=int, nargs="+", choices=WIDTHS, default=WIDTHS, help="train only these widths")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps of every net")
    parser.add_argument("--max-minutes", type=float, default=60.0, help="stop with an error after this long")
    parser.add_argument("--verify", action="store_true", help="train nothing: measure the nets again and compare")
    return parser.parse_args()


def main() -> int:
    """Train or verify; 0 when all went well."""
    chosen = arguments()
    make_deterministic()
    corpus = read_corpus()
    if chosen.verify:
        paths = study_paths(chosen.out)
        lines = [line for path in paths for line in verify(path, partial(measure_file, corpus=corpus))]
        sys.stderr.write("\n".join(lines) + "\n")
        return int(any(line.startswith("DIFFERS") for line in lines))
    budget = Budget(chosen.max_minutes)
    try:
        for width in chosen.width:
            train_and_save(chosen.out, width, chosen.steps, corpus, budget)
    except OutOfTimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    write_studies(chosen.out, chosen.steps)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
