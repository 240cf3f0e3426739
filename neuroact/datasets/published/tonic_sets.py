"""tonic's data sets and transforms, in both directions, and never over a network.

    convert("tonic:NMNIST:data", "store")       what tonic keeps below `save_to="data"`, to a store
    tonic_set("NMNIST", "data")                 the same files through tonic's own class
    save_recordings(any_tonic_set, "folder")    whatever tonic can load, to class folders that `convert` takes
    TonicSamples(store, transform=...)          the samples of a store through tonic's transforms

The first two need the extra `tonic`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sized
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroact.datasets.published.tonic_layout import ON_DISK, checked, folder_of, import_tonic
from neuroact.datasets.store.store import Store
from neuroact.errors import DatasetError
from neuroact.events import STRUCTURED, Events
from neuroact.recordings import write_recording

Transform = Callable[..., Any]


class TonicSet(Sized, Protocol):
    """What every data set of tonic is."""

    def __getitem__(self, index: int) -> tuple[NDArray[Any], Any]:
        """Events as a structured array, and what they show."""


def tonic_set(
    name: str,
    save_to: str | os.PathLike[str],
    *,
    train: bool = True,
    transform: Transform | None = None,
    target_transform: Transform | None = None,
    transforms: Transform | None = None,
) -> Any:
    """A data set of tonic's own class, of the files that are there: nothing is downloaded.

    - `save_to`: the folder that holds tonic's folder `name`. Neither the archive nor all of the files need be there.
    - `train`: which split, where the set has two.

    Raises `MissingExtra`, `RecordingNotFound` if the folder is not there, and `DatasetError` if no file of the set is
    in it, or none of that split.
    """
    known, below = ON_DISK[checked(name)]
    found = known.listing(folder_of(name, below, Path(save_to)), known.schemes[0])
    two_splits = any(source.split for source in found.sources)
    wanted = "train" if train else "test"
    if two_splits and not any(source.split == wanted for source in found.sources):
        raise DatasetError(f"{found.root}: no recordings of the split {wanted} of {known.title} in it")
    kind = getattr(import_tonic().datasets, name)
    opened = kind.__new__(kind)
    # tonic downloads what it does not find whole. What is there was looked up above, so it need not look itself.
    opened._check_exists = lambda: True
    options = {"train": train} if two_splits else {}
    opened.__init__(
        os.fspath(save_to), transform=transform, target_transform=target_transform, transforms=transforms, **options
    )
    del opened._check_exists  # so that copies can go to other processes
    return opened


def from_tonic(samples: TonicSet, sensor_size: tuple[int, int] | None = None) -> Iterator[tuple[Events, Any]]:
    """The events and target of every sample of a data set of tonic, which must not turn them into something else.

    - `sensor_size`: `(width, height)`; by default the set's own.

    Raises `DatasetError` for a set without a sensor's size, and for samples that are no events.
    """
    width, height, *_ = sensor_size or getattr(samples, "sensor_size", None) or (0, 0)
    if not width:
        raise DatasetError(f"{samples!r}: its recordings differ in size; give sensor_size=(width, height)")
    for index in range(len(samples)):
        array, target = samples[index]
        try:
            events = Events.from_structured(array, (width, height))
        except (AttributeError, ValueError, TypeError) as error:
            raise DatasetError(f"{samples!r}: sample {index} is no array of events ({error})") from error
        yield events, target


def save_recordings(
    samples: TonicSet, folder: str | os.PathLike[str], sensor_size: tuple[int, int] | None = None
) -> int:
    """Writes every sample of a data set of tonic to `FOLDER/<target>/NNNNNN.h5`, class folders as `convert` takes them.

    Returns how many there are. Raises `DatasetError` as `from_tonic` does, and for a target that names no folder.
    """
    count = 0
    for count, (events, target) in enumerate(from_tonic(samples, sensor_size), 1):
        name = str(target)
        if name in ("", ".", "..") or name.startswith(".") or Path(name).name != name:
            raise DatasetError(f"{samples!r}: sample {count - 1} shows {name!r}, which cannot be the name of a folder")
        path = Path(folder, name, f"{count - 1:06d}.h5")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_recording(events, path)
    return count


class TonicSamples:
    """The samples of a store of events as tonic has them: `(structured array, label)`, through tonic's transforms.

    - `sensor_size`: `(width, height, 2)`, of the first sample. `classes`: labels are indices into them.
    - `ordering`: of the array's fields.

    tonic's caches, slicers and collation take it as a data set of their own. Labels are -1 where a store knows none.
    """

    dtype = STRUCTURED
    ordering = STRUCTURED.names

    def __init__(
        self,
        store: Store,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        transforms: Transform | None = None,
    ) -> None:
        """Raises `DatasetError` for a store of tensors or without a sample."""
        first = store[0].data if len(store) else None
        if not isinstance(first, Events):
            raise DatasetError(f"{store!r}: tonic takes events; convert with to='events'")
        self.sensor_size = (*first.sensor_size, 2)
        self.classes = store.classes
        self._store = store
        self._transform = transform
        self._target_transform = target_transform
        self._transforms = transforms

    def __len__(self) -> int:
        return len(self._store)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """A sample. Raises `IndexError`, `StoreError`."""
        sample = self._store[index]
        array: Any = sample.data.to_structured() if isinstance(sample.data, Events) else np.asarray(sample.data)
        target: Any = -1 if sample.label is None else sample.label
        if self._transform is not None:
            array = self._transform(array)
        if self._target_transform is not None:
            target = self._target_transform(target)
        if self._transforms is not None:
            array, target = self._transforms(array, target)
        return array, target
