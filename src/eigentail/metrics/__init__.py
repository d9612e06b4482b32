"""SPECTRUM, FIT -> one number. One family to a file in `families/`; each metric declares how it scales with W."""

from eigentail.metrics.metric import Metric, Scaling, chosen, metrics

__all__ = ["Metric", "Scaling", "chosen", "metrics"]
