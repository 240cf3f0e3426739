"""Memory that results lay in serves again, but never while anything still refers to them."""

from __future__ import annotations

import gc
from threading import Thread

import numpy as np
import pytest
import torch

from neuroact.kernels import lif_scan, memory, release_memory
from neuroact.kernels.memory import GRAIN, LARGE, Pool

SIZE = LARGE // 4
"""float32 values from which on memory is kept."""


@pytest.fixture(autouse=True)
def emptied() -> None:
    gc.collect()
    release_memory()
    assert memory.pool.kept == 0


def test_memory_of_a_dropped_result_serves_the_next() -> None:
    first = memory.empty((2, SIZE), torch.float32)
    place = first.data_ptr()
    del first
    assert memory.empty((2, SIZE), torch.float32).data_ptr() == place


def test_memory_in_use_serves_nobody_else() -> None:
    first = memory.empty((2, SIZE), torch.float32)
    place, row = first.data_ptr(), first[1].numpy()
    del first
    row[:] = 7
    second = memory.empty((2, SIZE), torch.float32).zero_()
    assert second.data_ptr() != place
    assert (row == 7).all()
    del row
    assert memory.empty((2, SIZE), torch.float32).data_ptr() == place


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8], ids=str)
def test_it_is_like_any_tensor(dtype: torch.dtype) -> None:
    tensor = memory.empty((3, LARGE + 5), dtype)
    assert tensor.shape == (3, LARGE + 5)
    assert tensor.dtype == dtype
    assert tensor.is_contiguous()
    assert (tensor.fill_(1) == 1).all()


def test_a_pool_keeps_no_more_than_it_may() -> None:
    pool = Pool(3 * GRAIN)
    small, large = pool.take(GRAIN), pool.take(2 * GRAIN)
    del small, large
    assert pool.kept == 3 * GRAIN
    other = pool.take(GRAIN // 2)
    assert pool.kept == 2 * GRAIN
    more = pool.take(GRAIN)
    del other, more  # four grains in all: the size that was not dropped for longest goes
    assert pool.kept == 2 * GRAIN
    assert list(pool.idle) == [GRAIN]
    pool.clear()
    assert pool.kept == 0


def test_a_block_larger_than_the_pool_is_not_kept() -> None:
    pool = Pool(GRAIN)
    block = pool.take(2 * GRAIN)
    del block
    assert pool.kept == 0
    assert not pool.idle


def test_threads_share_a_pool() -> None:
    pool = Pool(8 * GRAIN)

    def work(value: int) -> None:
        for _ in range(200):
            block = pool.take(GRAIN)
            block[:] = value
            assert (block == value).all()

    threads = [Thread(target=work, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < pool.kept <= 8 * GRAIN  # a thread has two while it takes another
    assert pool.kept == sum(size * len(blocks) for size, blocks in pool.idle.items())


def test_scans_in_a_row_do_not_disturb_each_other() -> None:
    x = torch.randn(16, SIZE // 8)
    first, v = lif_scan(x, decay=0.5)
    copy, v_copy = first.clone(), v.clone()
    for _ in range(3):
        lif_scan(x + 1, decay=0.5)
    assert np.array_equal(first.numpy(), copy.numpy())
    assert torch.equal(v, v_copy)
