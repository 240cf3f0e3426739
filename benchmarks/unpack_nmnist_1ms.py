"""N-MNIST in 1-ms bins, packed into three npz files, as the folders of recordings that N-MNIST itself has.

    python -m benchmarks.unpack_nmnist_1ms FOLDER_OF_NPZ ROOT

`train.npz` becomes `ROOT/Train/<digit>/NNNNN.bin`, `test.npz` becomes `ROOT/Test/...`. Nothing changes: t of whole
milliseconds is as many microseconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SPLITS = {"train": "Train", "test": "Test"}


def unpack(source: Path, root: Path) -> None:
    """Writes every recording of both files."""
    for name, split in SPLITS.items():
        with np.load(source / f"{name}.npz") as packed:
            words = as_words(packed["t"].astype(np.int64) * 1000, packed["x"], packed["y"], packed["p"])
            bounds, labels = packed["off"].astype(np.int64), packed["label"]
        for number, (begin, end, label) in enumerate(zip(bounds[:-1], bounds[1:], labels, strict=True), 1):
            path = root / split / str(label) / f"{number:05}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(words[begin:end].tobytes())


def as_words(
    t: NDArray[np.int64], x: NDArray[np.generic], y: NDArray[np.generic], p: NDArray[np.generic]
) -> NDArray[np.uint8]:
    """N-MNIST's five bytes an event: x, y, then the polarity and 23 bits of µs, most significant first."""
    words = np.empty((t.size, 5), np.uint8)
    words[:, 0], words[:, 1] = x, y
    words[:, 2] = p.astype(np.int64) << 7 | t >> 16
    words[:, 3], words[:, 4] = t >> 8 & 255, t & 255
    return words


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("root", type=Path)
    unpack(**vars(parser.parse_args()))
