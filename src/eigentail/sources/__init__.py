"""BYTES -> named tensors. One file per format in `formats/`, all on one range reader.

`identify` says what a target is, `open_source` opens it; nothing is executed and no framework is imported.
"""

from eigentail.sources.identify import identify, open_source, opened
from eigentail.sources.protocol import Format, Probe, WeightSource

__all__ = ["Format", "Probe", "WeightSource", "identify", "open_source", "opened"]
