"""One number of every layer as a map of blocks and kinds of matrix, for the screen."""

import sys

import eigentail as et

report = et.analyze(et.example("gpt_demo/trained"))
figure = report.plot("layers", metric="stable_rank", backend="plotly")

if sys.argv[1:]:  # python docs/gallery/layers.py layers.html
    figure.write_html(sys.argv[1])
