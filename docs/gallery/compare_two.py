"""Which of two models has the smaller exponents, and how likely that order is."""

import sys

import eigentail as et

before, after = et.example("gpt_demo/init"), et.example("gpt_demo/trained")
found = et.compare(before, after)
ranking = found.ranking("alpha")
print([found.names[at] for at in ranking.order], ranking.chances)

if sys.argv[1:]:  # python docs/gallery/compare_two.py compare_two.html
    found.to_html(sys.argv[1])
