"""Which number of a model tells the better one, over a series with known accuracies."""

import sys

import eigentail as et

found = et.study("nature2021-resnet")
for name, trend in found.metrics.items():
    print(name, trend.kendall_tau, trend.kendall_p)

if sys.argv[1:]:  # python docs/gallery/study_a_series.py study_a_series.html
    found.to_html(sys.argv[1])
