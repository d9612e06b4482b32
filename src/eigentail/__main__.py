"""`python -m eigentail`."""

from eigentail.cli import main

main(prog_name="eigentail")
