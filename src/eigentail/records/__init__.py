"""The nouns that flow through the rooms: frozen, typed, dumb. Every room takes one and returns the next."""

from eigentail.records.finding import NAN, Fit, FitStatus, Spectrum, Verdict
from eigentail.records.header import Cut, Layer, Skip, SourceRef, TensorSpec
from eigentail.records.report import LayerReport, LayerTable, ModelReport, Summary

__all__ = [
    "NAN",
    "Cut",
    "Fit",
    "FitStatus",
    "Layer",
    "LayerReport",
    "LayerTable",
    "ModelReport",
    "Skip",
    "SourceRef",
    "Spectrum",
    "Summary",
    "TensorSpec",
    "Verdict",
]
