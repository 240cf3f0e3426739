"""Runs tasks in worker processes, and survives theirs.

    waiting ──> running ──> finished
       ^           │ the worker dies at item i
       │           v
       └──── alone: once more in a fresh worker, while no other task runs
                   │ it dies at item i again
                   v
             without item i: the item is quarantined

Workers are spawned, not forked, so that they inherit no lock that a thread of the caller may hold.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, Self, TypeVar

from neuroact.errors import StoreError


class Message(Protocol):
    """What a task sends while it runs."""

    @property
    def recording(self) -> int:
        """The item that it is at."""


class Task(Protocol):
    """A piece of work made of items; it must be picklable."""

    def without(self, recording: int, reason: str) -> Self:
        """The same task, but for one item."""


K = TypeVar("K", bound=Task)
M = TypeVar("M", bound=Message)
R = TypeVar("R")
Work = Callable[[K, Callable[[M], None]], R]
"""`work(task, send) -> result`: a function of a module, told to the workers by its name."""


@dataclass(frozen=True, slots=True)
class _Done:
    result: Any


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def supervise(
    tasks: Sequence[K], work: Work[K, M, R], *, jobs: int, watch: Callable[[M], None]
) -> Iterator[tuple[K, R]]:
    """Runs `work` on every task in up to `jobs` processes; yields tasks and results as they finish.

    An item that kills its worker is retried once with no other task beside it, then left out (`Task.without`). An
    exception in `work` ends everything and is raised here. However this ends, no worker is left.

    Raises `StoreError` if workers cannot start.
    """
    crew: Crew[K, M, R] = Crew(work, watch, deque(tasks))
    try:
        yield from crew.run(min(jobs, len(tasks)))
    finally:
        crew.dismiss()


@dataclass(slots=True, eq=False)
class _Worker(Generic[K]):
    process: BaseProcess
    connection: Connection[Any, Any]
    task: K | None = None
    recording: int | None = None


@dataclass(slots=True)
class Crew(Generic[K, M, R]):
    """The workers, and what they still have to do."""

    work: Work[K, M, R]
    watch: Callable[[M], None]
    waiting: deque[K]
    alone: deque[K] = field(default_factory=deque)
    """Tasks that killed a worker."""
    workers: list[_Worker[K]] = field(default_factory=list)
    deaths: set[int] = field(default_factory=set)
    """Items at which a worker died."""
    stillborn: int = 0
    """Workers that died before they reached an item."""

    def run(self, jobs: int) -> Iterator[tuple[K, R]]:
        """Runs everything."""
        while self._assign(jobs):
            busy = {worker.connection: worker for worker in self.workers if worker.task is not None}
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                try:
                    message = worker.connection.recv()
                except (EOFError, OSError):
                    self._bury(worker)
                    continue
                if isinstance(message, _Raised):
                    raise message.error
                if isinstance(message, _Done):
                    task, worker.task, worker.recording = worker.task, None, None
                    assert task is not None  # noqa: S101  (it was busy)
                    yield task, message.result
                else:
                    worker.recording = message.recording
                    self.watch(message)

    def dismiss(self) -> None:
        """Ends all workers, whatever they are at."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.connection.close()
        self.workers.clear()

    def _assign(self, jobs: int) -> bool:
        """Gives idle workers something to do; returns whether any is busy."""
        while self.waiting and sum(worker.task is not None for worker in self.workers) < jobs:
            self._give(self.waiting.popleft())
        busy = any(worker.task is not None for worker in self.workers)
        if self.alone and not busy:
            self._give(self.alone.popleft())
            busy = True
        return busy

    def _give(self, task: K) -> None:
        worker = next((worker for worker in self.workers if worker.task is None), None) or self._hire()
        worker.task = task
        with contextlib.suppress(OSError):  # it died: reading from it will tell
            worker.connection.send(task)

    def _hire(self) -> _Worker[K]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.work), daemon=True, name="neuroact worker")
        with _interrupts_blocked():
            process.start()
        theirs.close()
        worker: _Worker[K] = _Worker(process, ours)
        self.workers.append(worker)
        return worker

    def _bury(self, worker: _Worker[K]) -> None:
        """Draws the consequences of a worker's death."""
        worker.process.join()
        worker.connection.close()
        self.workers.remove(worker)
        task, recording, how = worker.task, worker.recording, _described(worker.process.exitcode)
        assert task is not None  # noqa: S101  (only busy workers are listened to)
        if recording is None:
            self.stillborn += 1
            if self.stillborn == 3:
                raise StoreError(
                    f"worker processes end before their first recording ({how}). In a script, call convert under "
                    'if __name__ == "__main__":, since workers load the script anew'
                )
            self.waiting.appendleft(task)
            return
        if recording in self.deaths:
            task = task.without(recording, f"killed the process that converted it, twice ({how})")
        self.deaths.add(recording)
        self.alone.append(task)


def _serve(connection: Connection[Any, Any], work: Work[Any, Any, Any]) -> None:
    """The life of a worker."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer: _Done | _Raised = _Done(work(task, connection.send))
        except Exception as error:  # noqa: BLE001  (raised again in the parent)
            answer = _Raised(error)
        connection.send(answer)


def _end_with_parent() -> None:
    """A worker whose parent is gone would write beside the one that resumes its work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes started inside never see Ctrl-C, which a terminal sends to all: the parent ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # or starting the first worker starts it, which unblocks the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _described(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"
