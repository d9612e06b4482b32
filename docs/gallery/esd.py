"""The density of a layer's eigenvalues with its fitted tail, beside what an untrained matrix shows."""

import sys

import eigentail as et

report = et.analyze(et.example())
figure = report.plot("esd", layer="fc2")

if sys.argv[1:]:  # python docs/gallery/esd.py esd.pdf
    figure.savefig(sys.argv[1])
