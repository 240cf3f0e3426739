"""Being asked to stop: schedulers send SIGTERM some seconds before they kill."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def sigterm() -> Iterator[threading.Event]:
    """Inside, SIGTERM sets the event instead of ending the process. Other threads than the main one hear of none."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
