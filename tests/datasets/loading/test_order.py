"""Every rank sees its part of the same global batches."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroact.datasets.loading.order import epoch_order, rank_share, sample_generator


@given(samples=st.integers(0, 200), seed=st.integers(0, 1000), epoch=st.integers(0, 1000))
def test_an_order_has_every_sample_once(samples: int, seed: int, epoch: int) -> None:
    order = epoch_order(samples, seed=seed, epoch=epoch)
    assert sorted(order.tolist()) == list(range(samples))
    np.testing.assert_array_equal(order, epoch_order(samples, seed=seed, epoch=epoch))
    np.testing.assert_array_equal(epoch_order(samples, seed=seed, epoch=epoch, shuffle=False), np.arange(samples))


def test_seed_and_epoch_each_change_the_order() -> None:
    orders = {tuple(epoch_order(50, seed=seed, epoch=epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25
    assert tuple(range(50)) not in orders


@given(samples=st.integers(0, 100), batches_of=st.sampled_from([4, 8, 12]), drop_last=st.booleans())
def test_ranks_together_see_the_batches_that_one_would(samples: int, batches_of: int, drop_last: bool) -> None:
    order = epoch_order(samples, seed=1, epoch=2)
    alone = rank_share(order, rank=0, ranks=1, batch=batches_of, drop_last=drop_last)
    np.testing.assert_array_equal(alone, order[: samples // batches_of * batches_of] if drop_last else order)
    for ranks in (2, 4):
        local = batches_of // ranks
        shares = [rank_share(order, rank=r, ranks=ranks, batch=batches_of, drop_last=drop_last) for r in range(ranks)]
        assert max(share.size for share in shares) - min(share.size for share in shares) <= (0 if drop_last else 1)
        for k in range(-(-alone.size // batches_of)):
            together = np.concatenate([share[k * local : (k + 1) * local] for share in shares])
            np.testing.assert_array_equal(together, alone[k * batches_of : (k + 1) * batches_of])


def test_what_cannot_be_shared_is_refused() -> None:
    order = epoch_order(10, seed=0, epoch=0)
    for rank, ranks in ((-1, 2), (2, 2), (0, 0)):
        with pytest.raises(ValueError, match=f"no rank {rank} among {ranks}"):
            rank_share(order, rank=rank, ranks=ranks, batch=4)
    for batch in (0, 6):
        with pytest.raises(ValueError, match="cannot be shared evenly by 4 ranks"):
            rank_share(order, rank=0, ranks=4, batch=batch)
    with pytest.raises(ValueError, match="there cannot be -1 samples"):
        epoch_order(-1, seed=0, epoch=0)


def test_generators_differ_by_each_of_seed_epoch_index_and_view() -> None:
    numbers = {sample_generator(*place).integers(1 << 62) for place in product(range(4), repeat=4)}
    assert len(numbers) == 256
    assert sample_generator(1, 2, 3, 0).random() == sample_generator(1, 2, 3).random()
    assert sample_generator(1, 2, 3).random() == sample_generator(1, 2, 3).random()
