"""Samples for training, from raw recordings or a converted store."""

from neuroact.datasets.loading.examples import Examples, load_recordings, load_store

__all__ = ["Examples", "load_recordings", "load_store"]
