"""The exponents of the same layers before and after training."""

import sys

import eigentail as et

before, after = et.example("gpt_demo/init"), et.example("gpt_demo/trained")
figure = et.compare(before, after, names=["before", "after"]).plot()

if sys.argv[1:]:  # python docs/gallery/compare.py compare.pdf
    figure.savefig(sys.argv[1])
