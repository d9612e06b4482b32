"""Train MLPs on scikit-learn's digits: one series over width, one over label noise.

The recipe is the same for every net, number of steps included; it is long enough for the nets to fit their
training labels even when all of them are shuffled, so the noise series runs from learning to memorising.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from budget import Budget, OutOfTimeError
from digits_series import NETS, Net, path_of, study_paths, write_studies
from nets import State, as_stored, load, make_deterministic, save
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from study_file import verify
from torch import Tensor, nn

SEED = 0
TRAIN_SIZE = 1000
BATCH = 25
EPOCHS = 400
PEAK_RATE = 0.05
RECIPE = (
    f"MLP 64-w-w-10, ReLU; SGD, momentum 0.9, no weight decay, rate {PEAK_RATE:g} falling to 0 by a cosine over "
    f"{{epochs}} epochs, batch {BATCH}, {TRAIN_SIZE} training images, seed {SEED}"
)


@dataclass(frozen=True, eq=False)
class Digits:
    """Images as rows of 64 numbers in 0..1, and their labels."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


class Mlp(nn.Module):
    """Two hidden layers of equal width."""

    def __init__(self, width: int) -> None:
        """PyTorch's own initialisation."""
        super().__init__()
        self.fc1 = nn.Linear(64, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ten classes."""
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))  # type: ignore[no-any-return]


def read_digits(noise: int) -> Digits:
    """The seeded stratified split; `noise` percent of the training labels change places among themselves."""
    x, y = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x, y, train_size=TRAIN_SIZE, stratify=y, random_state=SEED)
    rng = np.random.default_rng(SEED)
    chosen = rng.permutation(TRAIN_SIZE)[: TRAIN_SIZE * noise // 100]
    train_y[chosen] = train_y[rng.permutation(chosen)]
    images = [torch.from_numpy((part / 16.0).astype(np.float32)) for part in (train_x, test_x)]
    labels = [torch.from_numpy(part.astype(np.int64)) for part in (train_y, test_y)]
    return Digits(images[0], labels[0], images[1], labels[1])


def accuracy(state: State, x: Tensor, y: Tensor) -> float:
    """Percent of images put in their labelled class, rounded to six places."""
    net = Mlp(len(state["fc1.bias"]))
    net.load_state_dict(state)
    with torch.no_grad():
        right = int((net(x).argmax(dim=1) == y).sum())
    return round(100 * right / len(y), 6)


def train(net: Net, data: Digits, epochs: int, budget: Budget) -> State:
    """The weights after the last step."""
    torch.manual_seed(SEED)
    model = Mlp(net.width)
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK_RATE, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    rng = np.random.default_rng(SEED)
    for epoch in range(epochs):
        budget.check(f"training {net.name}, epoch {epoch} of {epochs}")
        for drawn in rng.permutation(TRAIN_SIZE).reshape(-1, BATCH):
            rows = torch.from_numpy(drawn)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(data.train_x[rows]), data.train_y[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    return as_stored(model.state_dict(), torch.float32)


def train_and_save(root: Path, net: Net, epochs: int, budget: Budget) -> None:
    """Train one net and write its file."""
    began = budget.spent()
    data = read_digits(net.noise)
    state = train(net, data, epochs, budget)
    value = accuracy(state, data.test_x, data.test_y)
    fitted = accuracy(state, data.train_x, data.train_y)
    facts = {
        "format": "pt",
        "series": net.series,
        "recipe": RECIPE.format(epochs=epochs),
        "width": str(net.width),
        "label_noise_percent": str(net.noise),
        "step": str(epochs * TRAIN_SIZE // BATCH),
        "metric": "test accuracy %",
        "value": repr(value),
        "train_accuracy_on_given_labels": repr(fitted),
        "torch": torch.__version__,
    }
    save(path_of(root, net), state, facts)
    sys.stderr.write(f"{net.name}: test {value:.6f} %, training {fitted:.6f} %, {budget.spent() - began:.1f} s\n")


def measure_file(path: Path) -> float:
    """Measure a shipped net again on the test images."""
    data = read_digits(noise=0)
    return accuracy(load(path), data.test_x, data.test_y)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parents[2]
    parser.add_argument("--out", type=Path, default=here, help="root of the repository, or any folder laid out like it")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="passes over the training images")
    parser.add_argument("--max-minutes", type=float, default=15.0, help="stop with an error after this long")
    parser.add_argument("--verify", action="store_true", help="train nothing: measure the nets again and compare")
    return parser.parse_args()


def main() -> int:
    """Train or verify; 0 when all went well."""
    chosen = arguments()
    make_deterministic()
    if chosen.verify:
        lines = [line for path in study_paths(chosen.out) for line in verify(path, measure_file)]
        sys.stderr.write("\n".join(lines) + "\n")
        return int(any(line.startswith("DIFFERS") for line in lines))
    budget = Budget(chosen.max_minutes)
    try:
        for net in NETS:
            train_and_save(chosen.out, net, chosen.epochs, budget)
    except OutOfTimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    write_studies(chosen.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
