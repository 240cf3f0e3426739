"""Groups converted by the workers of a Dask scheduler, on this machine or on others that see the same files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from neuroact.datasets.conversion.group import Progress, convert_group
from neuroact.datasets.conversion.planning import Group
from neuroact.datasets.store.manifest import Record
from neuroact.errors import MissingExtra, StoreError


class AtHome(Protocol):
    """Converts groups in processes of this machine."""

    def __call__(self, groups: Sequence[Group], /) -> Iterator[tuple[Group, list[Record]]]:
        """Yields each group with its records."""


def convert_on_dask(
    groups: Sequence[Group], *, address: str, at_home: AtHome, watch: Callable[[Progress], None]
) -> Iterator[tuple[Group, list[Record]]]:
    """Converts groups on the cluster at `address`; yields each once its shards are on the disk.

    Dask may run a group twice, when it loses a worker: both write the same bytes, each to a file of its own that gets
    its name when it is whole. A group that keeps killing workers is converted by `at_home`, which finds out which
    recording it is.

    Raises `MissingExtra`, and `StoreError` if the scheduler does not answer or shards cannot be written.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as missing:
        raise MissingExtra("distributed", "dask") from missing
    try:
        client = Client(address, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as silence:
        raise StoreError(f"no Dask scheduler answers at {address}: {silence}") from silence
    with client:
        futures = {client.submit(convert_unwatched, group, pure=False): group for group in groups}
        for future in as_completed(list(futures), loop=client.loop):  # type: ignore[no-untyped-call]
            group, error = futures.pop(future), future.exception()
            if isinstance(error, KilledWorker):
                yield from at_home([group])
                continue
            records: list[Record] = future.result()  # raises what the worker raised
            for index, record in zip(group.indices, records, strict=True):
                watch(Progress(index, record.events_read, finished=1))
            yield group, records


def convert_unwatched(group: Group) -> list[Record]:
    """`convert_group` where there is nobody to tell of progress."""
    return convert_group(group, lambda progress: None)
