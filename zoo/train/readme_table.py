"""Put the measured tables into zoo/README.md, from the study files and the headers of the nets.

With --check nothing is written: the exit code says whether the README is up to date.
"""

import argparse
import sys
import tomllib
from pathlib import Path

from nets import metadata

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "zoo" / "README.md"
STUDIES = (
    "zoo/gpt_width.toml",
    "zoo/gpt_steps.toml",
    "src/eigentail/zoo/gpt_demo.toml",
    "src/eigentail/zoo/digits_noise.toml",
    "zoo/digits_width.toml",
)
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
FITTED = "train_accuracy_on_given_labels"


def table(study: Path) -> str:
    """One series: a heading, and a row for each net."""
    facts = tomllib.loads(study.read_text(encoding="utf-8"))
    lines = [f"### `{study.relative_to(ROOT).as_posix()}`", "", f"{facts['title']}.", ""]
    digits = "digits" in study.stem
    lines += [
        f"| net | file | parameters | step | {facts['metric']} |" + (" training labels fitted, % |" if digits else "")
    ]
    lines += ["| --- | --- | ---: | ---: | ---: |" + (" ---: |" if digits else "")]
    for model in facts["models"]:
        net = (study.parent / model["file"]).resolve()
        row = f"| {model['name']} | `{net.relative_to(ROOT).as_posix()}` | {model['parameters']:,} | {model['step']:,} "
        row += f"| {model['value']:.6f} |"
        lines.append(row + (f" {float(metadata(net)[FITTED]):.1f} |" if digits else ""))
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the tables are out of date")
    check = parser.parse_args().check
    before = README.read_text(encoding="utf-8")
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    after = head + BEGIN + "\n" + "\n".join(table(ROOT / name) for name in STUDIES) + "\n" + END + tail
    if check:
        sys.stderr.write("the tables are up to date\n" if after == before else "the tables are out of date\n")
        return int(after != before)
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
