"""Alpha over the depth of a transformer, for each kind of matrix, with intervals."""

import sys

import eigentail as et

report = et.analyze(et.example("gpt_demo/trained"))
figure = report.plot("flow")

if sys.argv[1:]:  # python docs/gallery/flow.py flow.pdf
    figure.savefig(sys.argv[1])
