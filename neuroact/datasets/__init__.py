"""Data sets and the converted store."""

from neuroact.datasets.conversion.converting import Converted, convert
from neuroact.datasets.conversion.estimating import Estimate, estimate
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.request import ConvertRequest
from neuroact.datasets.store.store import Sample, Store, open_store

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
