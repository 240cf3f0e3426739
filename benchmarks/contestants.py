"""Readers to be compared: each reads a whole recording once and counts its events.

Run as `python benchmarks/contestants.py READER PATH SMALL EVENTS`: reads the small recording to load everything that is
loaded or compiled at the first use, then times the other one, and fails if it does not hold the number of events.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def neuroact(path: str) -> int:
    """Streaming: no more than a chunk at a time."""
    from neuroact import open_recording

    return sum(len(chunk) for chunk in open_recording(path).chunks())


def neuroact_read(path: str) -> int:
    """All columns at once."""
    from neuroact import open_recording

    return len(open_recording(path).read())


def evutils(path: str) -> int:
    """Streaming, chunks of a million events."""
    from evutils.io import EventReader

    with EventReader(path, n_events=1_000_000) as reader:
        return sum(len(chunk) for chunk in reader)


def evutils_blocks(path: str) -> int:
    """Streaming, blocks as its decoder gives them, in a buffer that is overwritten."""
    from evutils.io.stream import EventStreamer

    return sum(len(chunk) for chunk in EventStreamer(path))


def evutils_read_all(path: str) -> int:
    """All columns at once."""
    from evutils.io import EventReader

    with EventReader(path) as reader:
        return len(reader.read_all())


def evt3(path: str) -> int:
    """Streaming in batches of its default size."""
    import evt3 as package

    return sum(len(batch) for batch in package.decode_file_batches(path))


def faery(path: str) -> int:
    """Streaming in packets."""
    import faery as package

    return sum(len(packet) for packet in package.events_stream_from_file(path))


def aedat(path: str) -> int:
    """Streaming in packets."""
    import aedat as package

    return sum(len(packet["events"]) for packet in package.Decoder(path) if "events" in packet)


def dv_processing(path: str) -> int:
    """Streaming in batches of its default size."""
    import dv_processing as package

    recording, count = package.io.MonoCameraRecording(path), 0
    while recording.isRunning("events"):
        batch = recording.getNextEventBatch()
        count += 0 if batch is None else len(batch)
    return count


def event_stream(path: str) -> int:
    """Streaming in packets."""
    import event_stream as package

    with package.Decoder(path) as decoder:
        return sum(len(packet) for packet in decoder)


def tonic(path: str) -> int:
    """All at once; it knows no other way."""
    from tonic.io import events_struct, read_mnist_file

    return len(read_mnist_file(path, events_struct))


READERS: dict[str, Callable[[str], int]] = {
    "neuroact": neuroact,
    "neuroact read": neuroact_read,
    "evutils": evutils,
    "evutils blocks": evutils_blocks,
    "evutils read_all": evutils_read_all,
    "evt3": evt3,
    "faery": faery,
    "aedat": aedat,
    "dv-processing": dv_processing,
    "event_stream": event_stream,
    "tonic": tonic,
}


def peak_mb() -> float:
    """Most memory that this process ever held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """The contestant named on the command line."""
    name, path, small, expected = sys.argv[1:]
    read = READERS[name]
    read(small)
    begin = time.perf_counter()
    events = read(path)
    seconds = time.perf_counter() - begin
    if events != int(expected):
        sys.exit(f"{events} events instead of {expected}")
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
