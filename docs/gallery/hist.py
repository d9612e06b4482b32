"""The exponents of a model beside those to be expected had it not been trained."""

import sys

import eigentail as et

report = et.analyze(et.example("gpt_demo/trained"))
figure = report.plot("hist")

if sys.argv[1:]:  # python docs/gallery/hist.py hist.pdf
    figure.savefig(sys.argv[1])
