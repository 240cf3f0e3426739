"""Text and numpy files, written with the standard library and numpy."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from neuroact import Events
from tests.recordings.build_words import rows


def csv_named(events: Events) -> bytes:
    """Column names in an order of their own, and a column more."""
    return "".join(["polarity,timestamp,x,y,note\n", *(f"{p},{t},{x},{y},0\n" for t, x, y, p in rows(events))]).encode()


def txt_e2vid(events: Events) -> bytes:
    """The sensor's size, then t in seconds."""
    width, height = events.sensor_size
    return "".join([f"{width} {height}\n", *(f"{seconds(t)} {x} {y} {p}\n" for t, x, y, p in rows(events))]).encode()


def csv_openeb(events: Events) -> bytes:
    width, height = events.sensor_size
    return "".join([f"%geometry:{width},{height}\n", *(f"{x},{y},{p},{t}\n" for t, x, y, p in rows(events))]).encode()


def zip_of_txt(events: Events) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("events.txt"), txt_e2vid(events))
    return buffer.getvalue()


def seconds(t: int) -> str:
    """Microseconds as decimal seconds, without ever being a float."""
    return f"{'-' if t < 0 else ''}{abs(t) // 1_000_000}.{abs(t) % 1_000_000:06d}"


def npy_structured(events: Events) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, events.to_structured())
    return buffer.getvalue()


def npy_table(events: Events) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.stack([events.x, events.y, events.p, events.t], axis=1))
    return buffer.getvalue()


def npz_columns(events: Events) -> bytes:
    """Stored members, t in seconds, p signed."""
    buffer = io.BytesIO()
    np.savez(buffer, t=events.t / 1e6, x=events.x, y=events.y, p=events.p.astype(np.int8) * 2 - 1)
    return buffer.getvalue()


def npz_structured(events: Events) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, events=events.to_structured())
    return buffer.getvalue()
