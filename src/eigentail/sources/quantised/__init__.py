"""CODES AND SCALES -> weights. One scheme of quantisation per file, each offered as `SCHEME`."""
