"""Which layers of a model are well trained, and how sure that is."""

import sys

import eigentail as et

report = et.analyze(et.example())
print(report.summary.verdict.value, report.summary["alpha"])
for row in report.layers:
    print(row.name, row.fit.alpha, row.reason)

if sys.argv[1:]:  # python docs/gallery/analyze.py analyze.html
    report.to_html(sys.argv[1])
