"""Two plots side by side in a figure of one's own, and the numbers without any library."""

import sys

from matplotlib.figure import Figure

import eigentail as et
from eigentail.plots import drawing_of

report = et.analyze(et.example())
figure = Figure(figsize=(10, 4), layout="constrained")
left, right = figure.subplots(1, 2)
report.plot("esd", layer="fc1", ax=left)
report.plot("esd", layer="fc2", ax=right)
print(drawing_of(report, "esd", layer="fc2").caption)

if sys.argv[1:]:  # python docs/gallery/own_axes.py own_axes.pdf
    figure.savefig(sys.argv[1])
