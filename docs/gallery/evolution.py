"""A number of a model from checkpoint to checkpoint."""

import sys

import eigentail as et

before, after = et.example("gpt_demo/init"), et.example("gpt_demo/trained")
reports = [et.analyze(before), et.analyze(after)]
figure = et.plot(reports, "evolution", metric="alpha")

if sys.argv[1:]:  # python docs/gallery/evolution.py evolution.pdf
    figure.savefig(sys.argv[1])
