"""Published series as data: the averages of each model and the statistics that its article prints. No code.

Table 3 of the 2021 article prints mean R2 values of 3.9. No R2 exceeds 1, so nothing of that table is used.
"""
