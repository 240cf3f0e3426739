"""HDF5 without libhdf5, for files that nobody vouches for.

libhdf5 opens no file that misses its last byte, follows external storage and links to any file of the machine, and
expands compressed chunks without a bound. What a recording needs is a small part of the format: groups, attributes and
datasets of numbers in one file. This package reads that part and nothing else: every size is checked before memory is
taken, every address before it is read, and a chunk that is damaged or cut off loses that chunk alone.

Source: the HDF5 File Format Specification, version 3.0 (The HDF Group).
"""

from neuroact.recordings.h5.dataset import Dataset, Piece
from neuroact.recordings.h5.file import File
from neuroact.recordings.h5.objects import Node, root

__all__ = ["Dataset", "File", "Node", "Piece", "root"]
