"""Bags written with rosbags: EventPackets of EVT3 words, and dvs_msgs/EventArray."""

from __future__ import annotations

import struct
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import zstandard
from rosbags.interfaces import Connection
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from neuroact import Events
from tests.recordings import build_words as words
from tests.recordings.build_words import rows

PACKET, ARRAY = "event_camera_msgs/msg/EventPacket", "dvs_msgs/msg/EventArray"
DEFINITIONS = {
    PACKET: "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\n"
    "string encoding\nbool is_bigendian\nuint8[] events\n",
    "dvs_msgs/msg/Event": "uint16 x\nuint16 y\ntime ts\nbool polarity\n",
    ARRAY: "std_msgs/Header header\nuint32 height\nuint32 width\ndvs_msgs/Event[] events\n",
}
PER_MESSAGE = 40
"""Events; EVT3 payloads are cut by bytes instead, wherever that falls."""
PER_PAYLOAD = 100


@cache
def types_of(store: Stores) -> Any:
    types = get_typestore(store)
    for name, text in DEFINITIONS.items():
        time = "time" if store is Stores.ROS1_NOETIC else "builtin_interfaces/Time"
        types.register(get_types_from_msg(text.replace("time ts", f"{time} ts"), name))
    return types


def evt3_words(events: Events) -> bytes:
    """EVT3 without the header of a RAW file."""
    raw = words.evt3(events)
    return raw[raw.index(b"% end\n") + 6 :]


def packets(events: Events, types: Any, encoding: str = "evt3") -> list[Any]:
    """Messages whose payloads are cut in the middle of what belongs together."""
    payload = evt3_words(events)
    cuts = range(0, len(payload), PER_PAYLOAD)
    return [packet(types, events.sensor_size, payload[cut : cut + PER_PAYLOAD], encoding) for cut in cuts]


def packet(types: Any, size: tuple[int, int], payload: bytes, encoding: str, time_base: int = 0) -> Any:
    data = np.frombuffer(payload, np.uint8)
    make = types.types[PACKET]
    width, height = size
    return make(header(types), height, width, 0, time_base, encoding, False, data)


def arrays(events: Events, types: Any) -> list[Any]:
    event, time, array = (types.types[name] for name in ("dvs_msgs/msg/Event", "builtin_interfaces/msg/Time", ARRAY))
    width, height = events.sensor_size
    messages = []
    for start in range(0, len(events), PER_MESSAGE):
        listed = [
            event(x, y, time(t // 1_000_000, t % 1_000_000 * 1000), bool(p))
            for t, x, y, p in rows(events[start : start + PER_MESSAGE])
        ]
        messages.append(array(header(types), height, width, listed))
    return messages


def header(types: Any) -> Any:
    time = types.types["builtin_interfaces/msg/Time"](1, 2)
    make = types.types["std_msgs/msg/Header"]
    return make(0, time, "cam") if "seq" in make.__dataclass_fields__ else make(time, "cam")


def ros1_bag(kind: str, messages: list[Any], compression: Any = None, chunk: int = 1 << 20) -> bytes:
    types = types_of(Stores.ROS1_NOETIC)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.bag"
        writer = Writer1(path)
        if compression is not None:
            writer.set_compression(compression)
        writer.chunk_threshold = chunk
        with writer:
            other: Connection = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=types)
            connection = writer.add_connection("/events", kind, typestore=types)
            text = types.types["std_msgs/msg/String"]("not an event")
            writer.write(other, 0, types.serialize_ros1(text, "std_msgs/msg/String"))
            for number, message in enumerate(messages):
                writer.write(connection, number, types.serialize_ros1(message, kind))
        return path.read_bytes()


def ros2_bag(kind: str, messages: list[Any], storage: StoragePlugin, compress: bool = False) -> bytes:
    types = types_of(Stores.ROS2_HUMBLE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bag"
        writer = Writer2(path, version=8, storage_plugin=storage)
        if compress:
            writer.set_compression(Writer2.CompressionMode.STORAGE, Writer2.CompressionFormat.ZSTD)
        with writer:
            other = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=types)
            connection = writer.add_connection("/events", kind, typestore=types)
            text = types.types["std_msgs/msg/String"]("not an event")
            writer.write(other, 0, types.serialize_cdr(text, "std_msgs/msg/String"))
            for number, message in enumerate(messages):
                writer.write(connection, number, types.serialize_cdr(message, kind))
        return next(path.glob("*.db3" if storage is StoragePlugin.SQLITE3 else "*.mcap")).read_bytes()


def ros1_packets(events: Events) -> bytes:
    return ros1_bag(PACKET, packets(events, types_of(Stores.ROS1_NOETIC)), Writer1.CompressionFormat.LZ4, 500)


def ros1_arrays(events: Events) -> bytes:
    return ros1_bag(ARRAY, arrays(events, types_of(Stores.ROS1_NOETIC)))


def ros2_packets(events: Events) -> bytes:
    return ros2_bag(PACKET, packets(events, types_of(Stores.ROS2_HUMBLE)), StoragePlugin.SQLITE3)


def ros2_arrays(events: Events) -> bytes:
    return ros2_bag(ARRAY, arrays(events, types_of(Stores.ROS2_HUMBLE)), StoragePlugin.SQLITE3)


def mcap_packets(events: Events) -> bytes:
    return ros2_bag(PACKET, packets(events, types_of(Stores.ROS2_HUMBLE)), StoragePlugin.MCAP)


def mcap_lz4(events: Events) -> bytes:
    return mcap_chunked(events, "lz4")


def mcap_zstd(events: Events) -> bytes:
    return mcap_chunked(events, "zstd")


def mcap_chunked(events: Events, compression: str) -> bytes:
    """An MCAP file of our own whose messages stand in compressed chunks."""
    types = types_of(Stores.ROS2_HUMBLE)
    schema = record(3, struct.pack("<H", 1) + text(PACKET) + text("ros2msg") + text(""))
    channel = record(4, struct.pack("<HH", 1, 1) + text("/events") + text("cdr") + struct.pack("<I", 0))
    chunks = [schema + channel]
    for number, message in enumerate(packets(events, types)):
        data = bytes(types.serialize_cdr(message, PACKET))
        chunks.append(record(5, struct.pack("<HIQQ", 1, number, 0, 0) + data))
    body = b"".join(chunk_record(b"".join(chunks[i : i + 4]), compression) for i in range(0, len(chunks), 4))
    magic = b"\x89MCAP0\r\n"
    return magic + record(1, text("") + text("")) + body + record(15, bytes(4)) + record(2, bytes(20)) + magic


def chunk_record(records: bytes, compression: str) -> bytes:
    pack = {"": bytes, "lz4": lz4.frame.compress, "zstd": zstandard.ZstdCompressor().compress}[compression]
    stored = pack(records)
    head = struct.pack("<QQQI", 0, 0, len(records), zlib.crc32(records)) + text(compression)
    return record(6, head + struct.pack("<Q", len(stored)) + stored)


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("<BQ", kind, len(content)) + content


def text(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode()
