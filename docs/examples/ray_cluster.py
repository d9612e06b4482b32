"""A large checkpoint on every machine of a Ray cluster.

On the first machine `ray start --head`, on each other one `ray start --address FIRST:6379`; eigentail is installed on
all of them and the checkpoint lies where all of them see it. Then, on any of them:

    python ray_cluster.py /data/model FIRST:6379 model.html

Without an address the Ray of this machine is used, or one is started for the length of the program. The same on the
command line: `eigentail analyze /data/model --executor ray --address FIRST:6379 -o model.html`.
"""

from __future__ import annotations

import sys

import eigentail as et


def main(model: str, address: str = "", page: str = "report.html") -> None:
    """Measure, write the page, say the verdict."""
    report = et.analyze(model, using=et.ray(address=address))
    report.to_html(page)
    sys.stdout.write(f"{report.summary.verdict.value}: {report.summary.reason}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
