"""PICKLES, read and never obeyed -> the tensors of torch's files and where their numbers lie."""
