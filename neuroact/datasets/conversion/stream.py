"""RecordingStream: the events of one recording as a request wants them, as often as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from neuroact.datasets.source import Source
from neuroact.datasets.store.request import ConvertRequest
from neuroact.encoders.filter_configs import filter_chain
from neuroact.encoders.filters import Chain
from neuroact.encoders.resize import Resize
from neuroact.errors import NeuroactError, NoPolarity, RecordingError
from neuroact.events import Events
from neuroact.recordings import Recording, open_recording

KEPT_IN_MEMORY = 1 << 19
"""Events. A recording with no more is decoded once, however many passes are made over it."""

Tell = Callable[[int], None]
"""Called with the number of events that were just decoded."""


class RecordingStream:
    """A recording, its clock set and its events filtered as the request says.

    Where the source means a part of a recording, that part is all there is: everything is as if it stood in a file of
    its own. The whole file is read for it, since time may run backwards.

    - `sensor_size`: after the filters.
    - `recording`: its `report` tells of damage once a pass is over.
    - `read`, `passed`: events of the current pass before and after the filters.

    A pass over a `strict` one raises on damage.

    Raises `RecordingError`, and `NoPolarity` for colour and generic streams.
    """

    def __init__(self, source: Source, request: ConvertRequest, tell: Tell, *, strict: bool = False) -> None:
        self.recording = open_source(source, request, strict=strict)
        self.read = self.passed = 0
        self._span = source.span
        self._request = request
        self._tell = tell
        self._kept: list[Events] | None = None
        self._first: Chain | None = self._chain()
        self.sensor_size = self._first.sensor_size

    def events(self, *, last: bool = False) -> Iterator[Events]:
        """A pass over all events; no chunk is empty. Progress is told of the `last` one. Raises `RecordingError`."""
        chain, self._first = self._first or self._chain(), None
        self.read = self.passed = 0
        for chunk in self._unfiltered(keep=not last):
            self.read += len(chunk)
            if last:
                self._tell(len(chunk))
            chunk = chain(chunk)
            self.passed += len(chunk)
            if len(chunk):
                yield chunk

    def _chain(self) -> Chain:
        """The filters as before the first event; some of them need passes of their own to get there."""
        chain = filter_chain(self._request.filters, self.recording.sensor_size, self._unfiltered)
        size = self._request.size
        return chain if size is None else Chain(size, [chain, Resize(chain.sensor_size, size)])

    def _unfiltered(self, *, keep: bool = True) -> Iterator[Events]:
        """A pass over the recording with its clock as asked. `keep`: another one will follow."""
        chunks = self._chunks(keep) if self._kept is None else iter(self._kept)
        if self._request.time_origin == "camera":
            yield from chunks
            return
        origin: int | None = None
        for chunk in chunks:
            origin = int(chunk.t[0]) if origin is None else origin
            yield chunk.replace(t=chunk.t - origin)

    def _chunks(self, keep: bool) -> Iterator[Events]:
        """Decodes the file. `keep`: remember the events if they are few."""
        kept: list[Events] = []
        count = 0
        try:
            for chunk in self.recording.chunks():
                if self._span is not None:
                    chunk = chunk.between(*self._span)
                if not len(chunk):
                    continue
                count += len(chunk)
                if keep and count <= KEPT_IN_MEMORY:
                    kept.append(chunk)
                else:
                    kept.clear()
                yield chunk
        except OSError as error:
            if isinstance(error, NeuroactError):
                raise
            raise RecordingError(self.recording.path, f"reading failed: {error.strerror or error}") from error
        if keep and count <= KEPT_IN_MEMORY:
            self._kept = kept


def open_source(source: Source, request: ConvertRequest, *, strict: bool = False) -> Recording:
    """The recording, of which only the header is read. Raises `RecordingError`, `NoPolarity`."""
    recording = open_recording(
        source.path,
        format=request.format or source.format,
        strict=strict,
        sensor_size=request.sensor_size or source.sensor_size,
        limits=request.limits,
    )
    if not recording.info.has_polarity:
        raise NoPolarity("this stream carries no polarity, so there is no ON and OFF to encode")
    return recording
