"""Data sets and the converted store."""

from neuroact.datasets.converting import Converted, convert
from neuroact.datasets.estimating import Estimate, estimate
from neuroact.datasets.manifest import Record
from neuroact.datasets.request import ConvertRequest
from neuroact.datasets.store import Sample, Store, open_store

__all__ = [
    "ConvertRequest",
    "Converted",
    "Estimate",
    "Record",
    "Sample",
    "Store",
    "convert",
    "estimate",
    "open_store",
]
