"""How fit and exponent depend on where the tail begins: the choice that alpha rests on."""

import sys

import eigentail as et

report = et.analyze(et.example())
figure = report.plot("xmin", layer="fc2")

if sys.argv[1:]:  # python docs/gallery/xmin.py xmin.pdf
    figure.savefig(sys.argv[1])
