"""Whether the eigenvectors of the tail use fewer components than those of the bulk."""

import sys

import eigentail as et

settings = et.Settings(metrics=("default", "*_loc_ratio", "*_part_ratio"))
figure = et.analyze(et.example(), settings).plot("vectors", layer="fc2")

if sys.argv[1:]:  # python docs/gallery/vectors.py vectors.pdf
    figure.savefig(sys.argv[1])
