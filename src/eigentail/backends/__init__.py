"""WHERE linear algebra runs: here on the CPU, or on a card that torch drives. Takes a stack, gives eigenvalues."""

from eigentail.backends.backend import Backend, CardError, Product
from eigentail.backends.device import CPU, Device, devices, placed, settled
from eigentail.backends.turns import held

__all__ = ["CPU", "Backend", "CardError", "Device", "Product", "devices", "held", "placed", "settled"]
