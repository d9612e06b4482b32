"""One file per format; the registry reads the folder."""
