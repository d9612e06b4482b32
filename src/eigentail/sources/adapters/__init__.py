"""ADAPTERS -> the changes that they make to weights, whatever tool wrote them."""
