"""The nouns that flow through the rooms: frozen, typed, dumb. Every room takes one and returns the next."""

from eigentail.records.finding import NAN, Fit, FitStatus, Phase, Spectrum, Verdict
from eigentail.records.header import BLOCK_BYTES, Cut, Layer, Skip, SourceRef, TensorSpec
from eigentail.records.report import LayerReport, LayerTable, ModelReport, Summary
from eigentail.records.shards import Shards

__all__ = [
    "BLOCK_BYTES",
    "NAN",
    "Cut",
    "Fit",
    "FitStatus",
    "Layer",
    "LayerReport",
    "LayerTable",
    "ModelReport",
    "Phase",
    "Shards",
    "Skip",
    "SourceRef",
    "Spectrum",
    "Summary",
    "TensorSpec",
    "Verdict",
]
