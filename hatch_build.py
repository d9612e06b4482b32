"""Compiles the kernels of `src/eigentail/numerics/kernels` while the package is built; without a compiler it does not.

The package then computes the same by numpy alone, more slowly. CC names another compiler than cc.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER: Final = Path("src/eigentail/numerics/kernels")
LIBRARY: Final = "built/kernels.so"  # in a folder of its own: Python takes what ends so for a module
# Errors of arithmetic are looked for afterwards; loops marked for vectors may add in any order.
FLAGS: Final = ["-O3", "-std=gnu11", "-fPIC", "-fopenmp-simd", "-fno-math-errno", "-ffp-contract=fast", "-Wno-psabi"]
# For each kind of processor the widths of its vectors in bytes, and what tells the compiler of them.
X86: Final = {64: ["-march=skylake-avx512", "-mprefer-vector-width=512"], 32: ["-march=haswell"]}
# Registers that not every compiler knows, nor every system that runs on such processors.
TILES: Final = ["-march=skylake-avx512", "-mprefer-vector-width=512", "-mamx-tile", "-mamx-bf16"]
ARM: Final = {16: list[str]()}
WIDTHS: Final = {"x86_64": X86, "amd64": X86, "aarch64": ARM, "arm64": ARM}


class Kernels(BuildHookInterface[Any]):
    """Makes a wheel for this platform where the kernels can be compiled, and one for every platform elsewhere."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into the source tree, where an editable installation finds it as well."""
        folder = Path(self.root) / FOLDER
        widths = WIDTHS.get(platform.machine().lower())
        if self.target_name != "wheel" or widths is None or os.name != "posix":
            return
        (folder / LIBRARY).unlink(missing_ok=True)  # an old one would pass for what these sources say
        try:
            compile_kernels(folder, widths)
        except (OSError, subprocess.CalledProcessError) as error:
            self.app.display_warning(f"eigentail computes by numpy alone, since its kernels were not compiled: {error}")
            return
        build_data["artifacts"].append(f"{FOLDER.as_posix()}/{LIBRARY}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def compile_kernels(folder: Path, widths: dict[int, list[str]]) -> None:
    """All of them for each width of vector, and what tells which of them a processor can do, in one library."""
    compiler = [*shlex.split(os.environ.get("CC", "cc")), *FLAGS]
    with tempfile.TemporaryDirectory() as name:
        objects = [Path(name) / "cpu.o"]
        run([*compiler, "-c", folder / "cpu.c", "-o", objects[0]])
        for width, flags in widths.items():
            objects.append(Path(name) / f"kernels_{width}.o")
            run([*compiler, *flags, f"-DBYTES={width}", "-c", folder / "kernels.c", "-o", objects[-1]])
        tiles = Path(name) / "tiles.o"
        if widths is X86 and can_run([*compiler, *TILES, "-c", folder / "tiles.c", "-o", tiles]):
            objects.append(tiles)
        made = folder / LIBRARY
        made.parent.mkdir(exist_ok=True)
        whole = made.with_name("kernels.new")  # moved there when it is: to load a part of it would end the process
        run([*compiler, "-shared", *objects, "-o", whole, "-lm", "-lpthread"])
        whole.replace(made)


def can_run(command: list[str | Path]) -> bool:
    """Without complaints where it cannot."""
    return subprocess.run([str(word) for word in command], capture_output=True).returncode == 0


def run(command: list[str | Path]) -> None:
    """Its complaints go where the builder's go."""
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
