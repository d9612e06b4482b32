"""The spectrum of what training added to one layer."""

import sys

import eigentail as et

before, after = et.example("gpt_demo/init"), et.example("gpt_demo/trained")
figure = et.diff(before, after).plot(layer="transformer.h.0.mlp.c_fc")

if sys.argv[1:]:  # python docs/gallery/delta.py delta.pdf
    figure.savefig(sys.argv[1])
