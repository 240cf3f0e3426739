"""SAMPLES: how to build a small file of every kind that is read, and what must come out of it.

The tests that hold for every format walk this table: block borders, cut points, mutants. Whoever adds a format adds a
builder `Events -> bytes` in a module of builders, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuroact import Events
from tests.conftest import random_events
from tests.recordings import build_aedat as aedat
from tests.recordings import build_bags as bags
from tests.recordings import build_hdf5 as hdf5
from tests.recordings import build_tables as tables
from tests.recordings import build_words as words


def unchanged(events: Events) -> Events:
    """The file holds all that events are."""
    return events


def without_polarity(events: Events) -> Events:
    """Colour streams: no ON and OFF."""
    return events.replace(p=np.zeros(len(events), np.uint8), has_polarity=False)


def times_alone(events: Events) -> Events:
    """Generic streams: neither pixels nor polarity."""
    zeros = np.zeros(len(events), np.uint16)
    return without_polarity(events).replace(x=zeros, y=zeros, sensor_size=(1, 1))


def sensor_of_data(events: Events) -> Events:
    """Formats without a sensor size: it is the range of the coordinates."""
    if not len(events):
        return events.replace(sensor_size=(1, 1))
    return events.replace(sensor_size=(int(events.x.max()) + 1, int(events.y.max()) + 1))


def display(events: Events) -> Events:
    """Display streams: no polarity; rows counted from the bottom, and none known of above the highest event."""
    return without_polarity(sensor_of_data(events.replace(y=events.y - (events.y.min() if len(events) else 0))))


def sensor_of_camera(width: int, height: int) -> Callable[[Events], Events]:
    """Formats that name the camera instead of its sensor's size."""
    return lambda events: events.replace(sensor_size=(width, height))


@dataclass(frozen=True)
class Sample:
    """A kind of file: its extension, how it is built, and what is read from the file built of given events."""

    suffix: str
    build: Callable[[Events], bytes]
    reads_as: Callable[[Events], Events] = unchanged


SAMPLES: dict[str, Sample] = {
    "evt2": Sample(".raw", words.evt2),
    "evt2.1": Sample(".raw", words.evt21),
    "evt2.1 legacy": Sample(".raw", words.evt21_legacy),
    "evt3": Sample(".raw", words.evt3),
    "evt3 vectors": Sample(".raw", words.evt3_vectors),
    "evt4": Sample(".raw", words.evt4),
    "dat": Sample(".dat", words.dat),
    "dat 1": Sample(".dat", words.dat1),
    "es": Sample(".es", words.es),
    "es atis": Sample(".es", words.es_atis),
    "es amd": Sample(".es", words.es_amd, display),
    "es color": Sample(".es", words.es_color, without_polarity),
    "es generic": Sample(".es", words.es_generic, times_alone),
    "nmnist": Sample(".bin", words.nmnist, sensor_of_data),
    "aedat1": Sample(".dat", aedat.aedat1, sensor_of_camera(128, 128)),
    "aedat2 dvs128": Sample(".aedat", aedat.aedat2_dvs128, sensor_of_camera(128, 128)),
    "aedat2 davis": Sample(".aedat", aedat.aedat2_davis, sensor_of_camera(240, 180)),
    "aedat3": Sample(".aedat", aedat.aedat3, sensor_of_camera(128, 128)),
    "aedat4 none": Sample(".aedat4", aedat.aedat4_none),
    "aedat4 lz4": Sample(".aedat4", aedat.aedat4_lz4),
    "aedat4 zstd": Sample(".aedat4", aedat.aedat4_zstd),
    "hdf5 neuroact": Sample(".h5", hdf5.neuroact),
    "hdf5 prophesee": Sample(".hdf5", hdf5.prophesee),
    "hdf5 dsec": Sample(".h5", hdf5.dsec, sensor_of_data),
    "hdf5 m3ed": Sample(".h5", hdf5.m3ed),
    "hdf5 mvsec": Sample(".hdf5", hdf5.mvsec, sensor_of_camera(346, 260)),
    "hdf5 monash": Sample(".h5", hdf5.monash, sensor_of_data),
    "hdf5 v2e": Sample(".h5", hdf5.v2e, sensor_of_data),
    "hdf5 tonic": Sample(".hdf5", hdf5.tonic, sensor_of_data),
    "hdf5 compound": Sample(".h5", hdf5.compound_events, sensor_of_data),
    "npy structured": Sample(".npy", tables.npy_structured, sensor_of_data),
    "npy table": Sample(".npy", tables.npy_table, sensor_of_data),
    "npz columns": Sample(".npz", tables.npz_columns, sensor_of_data),
    "npz structured": Sample(".npz", tables.npz_structured, sensor_of_data),
    "text named": Sample(".csv", tables.csv_named, sensor_of_data),
    "text e2vid": Sample(".txt", tables.txt_e2vid),
    "text openeb": Sample(".csv", tables.csv_openeb),
    "text_zip": Sample(".zip", tables.zip_of_txt),
    "ros1 packets": Sample(".bag", bags.ros1_packets),
    "ros1 arrays": Sample(".bag", bags.ros1_arrays),
    "ros2 packets": Sample(".db3", bags.ros2_packets),
    "ros2 arrays": Sample(".db3", bags.ros2_arrays),
    "mcap packets": Sample(".mcap", bags.mcap_packets),
    "mcap lz4": Sample(".mcap", bags.mcap_lz4),
    "mcap zstd": Sample(".mcap", bags.mcap_zstd),
}
"""Name (the format's, then the variant) -> how to build it."""


def build(name: str, events: Events) -> bytes:
    """The bytes of a file of kind `name` that holds `events`."""
    return SAMPLES[name].build(events)


def write_sample(name: str, folder: Path, events: Events | None = None) -> Path:
    """A file of kind `name` in `folder`, with `sample_events()` or the events given."""
    path = folder / f"sample{SAMPLES[name].suffix}"
    path.write_bytes(build(name, sample_events() if events is None else events))
    return path


def sample_events(count: int = 200, seed: int = 0) -> Events:
    """Events that every format can hold: both corners of a 32 x 24 sensor, equal times, and a pause of 9 ms."""
    events = random_events(count, (32, 24), seed=seed)
    t, x, y = events.t.copy(), events.x.copy(), events.y.copy()
    t[count // 2 :] += 9000
    x[:2], y[:2] = (0, 31), (0, 23)
    return events.replace(t=t, x=x, y=y)
