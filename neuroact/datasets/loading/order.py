"""The order of samples: a function of seed and epoch alone, whatever the number of workers and of ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ORDERING = 1
"""Sets the generator of an order apart from those of samples, which have the same seed and epoch."""


def sample_generator(seed: int, epoch: int, index: int, view: int = 0) -> np.random.Generator:
    """The generator of one view of a sample in one epoch. Raises `ValueError` for negative numbers."""
    return np.random.default_rng((seed, epoch, index, view))


def epoch_order(samples: int, *, seed: int, epoch: int, shuffle: bool = True) -> NDArray[np.int64]:
    """`(samples,)` indices in the order of an epoch, each once; 0, 1, 2, ... without `shuffle`.

    Raises `ValueError` for negative numbers.
    """
    if samples < 0:
        raise ValueError(f"there cannot be {samples} samples")
    if not shuffle:
        return np.arange(samples)
    return np.random.default_rng(np.random.SeedSequence((seed, epoch), spawn_key=(ORDERING,))).permutation(samples)


def rank_share(
    order: NDArray[np.int64], *, rank: int, ranks: int, batch: int, drop_last: bool = False
) -> NDArray[np.int64]:
    """The part of an epoch's order that one rank loads, in batches of `batch / ranks`.

    - `order`: `(samples,)`, the same on every rank. `batch`: samples of all ranks together.
    - `drop_last`: leave out what does not fill a batch. Without it, ranks share the last batch as evenly as they can;
      some get one sample less than others, or none.

    The k-th batches of all ranks together, rank after rank, are the k-th `batch` indices of `order`: 1, 2 or 4 ranks
    see the same global batches.

    Raises `ValueError` if there is no such rank, or `batch` is no positive multiple of `ranks`.
    """
    if not 0 <= rank < ranks:
        raise ValueError(f"there is no rank {rank} among {ranks}")
    if batch < 1 or batch % ranks:
        raise ValueError(f"a batch of {batch} cannot be shared evenly by {ranks} ranks")
    full = order.size // batch * batch
    mine = order[:full].reshape(-1, ranks, batch // ranks)[:, rank].reshape(-1)
    return mine if drop_last else np.concatenate((mine, np.array_split(order[full:], ranks)[rank]))
