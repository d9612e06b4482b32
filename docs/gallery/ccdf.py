"""The share of a layer's eigenvalues at or above each size: a straight line where the tail is a power law."""

import sys

import eigentail as et

report = et.analyze(et.example())
figure = report.plot("ccdf", layer="fc2")

if sys.argv[1:]:  # python docs/gallery/ccdf.py ccdf.pdf
    figure.savefig(sys.argv[1])
