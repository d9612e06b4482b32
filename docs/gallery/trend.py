"""A metric against accuracy over a published series, with the line and how far it rests on single models."""

import sys

import eigentail as et

figure = et.study("nature2021-vgg").plot(metric="alpha_weighted")

if sys.argv[1:]:  # python docs/gallery/trend.py trend.pdf
    figure.savefig(sys.argv[1])
