"""SIGTERM sets an event, and ends the process again afterwards."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

from neuroact.training.stopping import sigterm


def test_sigterm_is_heard_inside_only() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with sigterm() as asked:
        assert not asked.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.wait(10)
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_can_train_too() -> None:
    def inside() -> bool:
        with sigterm() as asked:
            return asked.is_set()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result() is False
