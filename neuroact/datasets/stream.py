"""RecordingStream: the events of one recording as a request wants them, as often as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from neuroact.datasets.request import ConvertRequest
from neuroact.datasets.source import Source
from neuroact.encoders.base import Filter
from neuroact.errors import NeuroactError, NoPolarity, RecordingError
from neuroact.events import Events
from neuroact.recordings import Recording, open_recording

KEPT_IN_MEMORY = 1 << 19
"""Events. A recording with no more is decoded once, however many passes are made over it."""

Tell = Callable[[int], None]
"""Called with the number of events that were just decoded."""


class RecordingStream:
    """A recording, its clock set and its events filtered as the request says.

    - `sensor_size`: after the filters.
    - `recording`: its `report` tells of damage once a pass is over.
    - `read`, `passed`: events of the current pass before and after the filters.

    Raises `RecordingError`, and `NoPolarity` for colour and generic streams.
    """

    def __init__(self, source: Source, request: ConvertRequest, tell: Tell) -> None:
        self.recording: Recording = open_recording(
            source.path,
            format=request.format or source.format,
            sensor_size=request.sensor_size or source.sensor_size,
            limits=request.limits,
        )
        if not self.recording.info.has_polarity:
            raise NoPolarity("this stream carries no polarity, so there is no ON and OFF to encode")
        self.read = self.passed = 0
        self._request = request
        self._tell = tell
        self._kept: list[Events] | None = None
        self.sensor_size = self._filters()[-1].sensor_size if request.filters else self.recording.sensor_size

    def events(self) -> Iterator[Events]:
        """A pass over all events; no chunk is empty. Raises `RecordingError`."""
        self.read = self.passed = 0
        origin = 0
        filters = self._filters()
        for chunk in self._chunks() if self._kept is None else self._kept:
            if self._request.time_origin == "zero":
                origin = origin if self.read else int(chunk.t[0])
                chunk = chunk.replace(t=chunk.t - origin)
            self.read += len(chunk)
            for apply in filters:
                chunk = apply(chunk)
            self.passed += len(chunk)
            if len(chunk):
                yield chunk

    def _filters(self) -> list[Filter]:
        filters: list[Filter] = []
        size = self.recording.sensor_size
        for config in self._request.filters:
            filters.append(config.stream(size))
            size = filters[-1].sensor_size
        return filters

    def _chunks(self) -> Iterator[Events]:
        """Decodes the file, and keeps its events if they are few."""
        kept: list[Events] = []
        count = 0
        try:
            for chunk in self.recording.chunks():
                count += len(chunk)
                if count <= KEPT_IN_MEMORY:
                    kept.append(chunk)
                else:
                    kept.clear()
                self._tell(len(chunk))
                if len(chunk):
                    yield chunk
        except OSError as error:
            if isinstance(error, NeuroactError):
                raise
            raise RecordingError(self.recording.path, f"reading failed: {error.strerror or error}") from error
        if count <= KEPT_IN_MEMORY:
            self._kept = kept
