"""NAMES -> layers -> matrices. Architecture naming is data, in `families/*.toml`; no weight is read but by a source.

`group` finds the layers of a model, `select` keeps those the settings ask for, `matrices` turns a layer's arrays into
what is measured.
"""

from eigentail.layers.group import Grouping, group
from eigentail.layers.kinds import KINDS
from eigentail.layers.matrices import matrices, read_part
from eigentail.layers.product import products
from eigentail.layers.select import select

__all__ = ["KINDS", "Grouping", "group", "matrices", "products", "read_part", "select"]
