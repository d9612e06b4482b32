"""One file for each plot: RECORD -> Drawing."""
