"""One recording: from its file to samples in a shard."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from neuroact.datasets.conversion.cutting import Cutting, lateness, silence
from neuroact.datasets.conversion.stream import RecordingStream, Tell
from neuroact.datasets.source import Source
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.request import ConvertRequest, KeepEvents
from neuroact.datasets.store.shard_files import Origin
from neuroact.datasets.store.shards import EventSink, Shards, TensorSink
from neuroact.errors import NeuroactError, RecordingError, StoreError
from neuroact.recordings import DamageWarning

HASHED_ASIDE = 1 << 22
"""Bytes. A thread costs more than it saves on less."""


def convert_recording(source: Source, index: int, request: ConvertRequest, shards: Shards, tell: Tell) -> Record:
    """`encode_recording`, but whatever is wrong with the recording, the record says."""
    try:
        return encode_recording(source, index, request, shards, tell)
    except StoreError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, NeuroactError):
            raise
        samples = dict(shards.samples)
        return Record.of(
            source,
            sha256=_sha256(source.path),
            state="partial" if samples else "failed",
            reason=described(error),
            samples=sum(samples.values()),
            shards=samples,
        )


def encode_recording(source: Source, index: int, request: ConvertRequest, shards: Shards, tell: Tell) -> Record:
    """Writes the samples of one recording, the `index`th of all.

    Raises `RecordingError` and `EncodingError` if nothing of the recording can be kept, `StoreError` and `OSError` if
    samples cannot be written.
    """
    shards.samples.clear()
    with _digest(source) as digest, warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)  # the record tells of it
        stream = RecordingStream(source, request, tell)
        conversion = Conversion(stream, request, shards, Origin(index, source.label, stream.sensor_size))
        conversion.run()
        samples = dict(shards.samples)
        return Record.of(
            source,
            sha256=digest(),
            samples=sum(samples.values()),
            shards=samples,
            **conversion.findings(),
        )


class Conversion:
    """One recording on its way through windows into shards."""

    def __init__(self, stream: RecordingStream, request: ConvertRequest, shards: Shards, origin: Origin) -> None:
        self._stream = stream
        self._cutting = Cutting(stream, request)
        self._to = request.to
        self._shards = shards
        self._origin = origin

    def run(self) -> None:
        """Writes all samples. Raises `RecordingError` or `EncodingError` if there is nothing to write."""
        if isinstance(self._to, KeepEvents):
            self._cutting.keep(EventSink(self._shards, self._origin))
        else:
            self._cutting.cut(TensorSink(self._shards, self._to, self._origin), needs_count=self._to.needs_count)
        if self._cutting.problem and not self._stream.passed:
            raise self._cutting.problem

    def findings(self) -> dict[str, Any]:
        """What the record says of the pass that is over."""
        recording, stream, cutting = self._stream.recording, self._stream, self._cutting
        report = recording.report
        reasons = [described(cutting.problem)] if cutting.problem else []
        if report.damaged:
            reasons.append(report.summary())
        if cutting.late:
            reasons.append(lateness(cutting.late))
        return {
            "state": "partial" if reasons else "done",
            "reason": "; ".join(reasons) or silence(stream),
            "format": recording.info.format,
            "sensor_size": recording.sensor_size,
            "events_read": stream.read,
            "events_dropped": sum(tally.count for tally in report.dropped.values()),
            "events_filtered": stream.read - stream.passed,
            "events_late": cutting.late,
            "events_between": cutting.between,
        }


def described(error: Exception) -> str:
    """What went wrong, without the path: a store says the same wherever its recordings stand."""
    problem = f"{error.problem}" if isinstance(error, RecordingError) else str(error)
    offset = f" at byte {error.offset}" if isinstance(error, RecordingError) and error.offset is not None else ""
    return f"{type(error).__name__}{offset}: {problem}"


@contextmanager
def _digest(source: Source) -> Iterator[Callable[[], str | None]]:
    """Gives the SHA-256 of a file once it is called for; that of a large one is computed beside the conversion."""
    if source.size < HASHED_ASIDE:
        yield partial(_sha256, source.path)
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_sha256, source.path).result


def _sha256(path: Path) -> str | None:
    """Of a file; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
