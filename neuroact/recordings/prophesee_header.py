"""The `% key value` text header of Prophesee RAW and DAT files, and what it says about the sensor."""

from __future__ import annotations

from dataclasses import dataclass

from neuroact.errors import CorruptRecording
from neuroact.recordings.reader import Reader, Source, check_limit
from neuroact.recordings.words import open_binary

LONGEST_LINE = 1024
TEXT = bytes([*b"\t\r", *range(32, 127)])
VGA, HD = (640, 480), (1280, 720)

SENSOR_OF_SYSTEM_ID: dict[int, tuple[int, int]] = {
    **dict.fromkeys((21, 23, 25, 28, 29, 33, 34, 35, 40, 41, 151, 153, 161, 162), VGA),
    **dict.fromkeys((26, 30, 31, 39, 46, 48, 49, 50, 52, 58, 66), HD),
    **dict.fromkeys((55, 59, 64), (320, 320)),
}
"""Board and sensor numbers (openEB's table). 41 is a Gen 3.1 EVK2, whatever its neighbours suggest."""

SENSOR_OF_NAME = {
    "genx320": (320, 320), "imx636": HD, "imx646": HD, "gen41": HD, "gen4": HD, "gen31": VGA, "gen3": VGA,
    "chronocam": (304, 240),
}  # fmt: skip
"""Parts of plugin and sensor names, the longer ones first."""


@dataclass(frozen=True, slots=True)
class PropheseeHeader:
    """The header's fields in file order (a line without a value maps to ""), and where the payload begins."""

    fields: dict[str, str]
    payload: int

    @property
    def options(self) -> dict[str, str]:
        """The options of the `format` field, `EVT3;height=720;width=1280`; the name itself under `name`."""
        name, *pairs = self.fields.get("format", "").split(";")
        return {"name": name} | dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    @property
    def camera(self) -> str | None:
        """The most telling name of the camera, or None."""
        for key in ("sensor_name", "plugin_name", "camera_integrator_name", "integrator_name"):
            if self.fields.get(key):
                return self.fields[key]
        return None

    @property
    def declared_size(self) -> tuple[int, int] | None:
        """`(width, height)` from the `format` options, `geometry`, or `Width` and `Height`."""
        options, fields = self.options, self.fields
        width, height = options.get("width"), options.get("height")
        if width is None or height is None:
            width, _, height = fields.get("geometry", "").partition("x")
        if not (width and height):
            width, height = fields.get("Width"), fields.get("Height")
        if not (width and height and _is_number(width) and _is_number(height)):
            return None
        return int(width), int(height)

    @property
    def known_size(self) -> tuple[int, int] | None:
        """`(width, height)` of the camera that the header names, or None."""
        system = self.fields.get("system_ID", "")
        if _is_number(system) and int(system) in SENSOR_OF_SYSTEM_ID:
            return SENSOR_OF_SYSTEM_ID[int(system)]
        names = " ".join(f"{key} {value}" for key, value in self.fields.items()).lower()
        return next((size for part, size in SENSOR_OF_NAME.items() if part in names), None)


def read_prophesee_header(source: Source, *, required: bool = True) -> PropheseeHeader:
    """Reads lines that begin with `% ` up to `% end`, or up to the first byte that cannot be such a line.

    Raises `LimitExceeded` for a header beyond the limit, and `CorruptRecording` if its first line is cut or if there is
    none; unless it is `required`, a file without a header has no fields and its payload begins at byte 0.
    """
    limit = source.limits.header_bytes
    with open_binary(source.path) as file:
        head = file.read(1 << 16)
        while _ends_in_header(head) and (more := file.read(len(head))):
            check_limit(source, "a header", len(head), limit)
            head += more
    fields: dict[str, str] = {}
    position = 0
    while head.startswith(b"% ", position):
        stop = head.find(b"\n", position, position + LONGEST_LINE)
        line = head[position : stop if stop >= 0 else position]
        if stop < 0 or not _is_text(line):
            break  # the payload itself begins with "% "
        key, _, value = " ".join(line[2:].decode("ascii").split()).partition(" ")
        position = stop + 1
        if key == "end":
            break
        fields[key] = value
    check_limit(source, "a header", position, limit)
    if not position and (required or (head.startswith(b"% ") and _is_text(head[:LONGEST_LINE]))):
        raise CorruptRecording(source.path, "the header's first line is cut or holds bytes that are not text", offset=0)
    return PropheseeHeader(fields, position)


def raw_header(encoding: str, version: str, sensor_size: tuple[int, int]) -> bytes:
    """The header of a RAW file that we write; both integrators are named because the vendor's tools ask for them."""
    width, height = sensor_size
    lines = (
        "camera_integrator_name neuroact",
        f"evt {version}",
        f"format {encoding};height={height};width={width}",
        f"geometry {width}x{height}",
        "plugin_integrator_name neuroact",
        "end",
    )
    return "".join(f"% {line}\n" for line in lines).encode("ascii")


def settle_from_header(reader: Reader, header: PropheseeHeader) -> None:
    """Takes the sensor's size from the header, else from the camera that it names, else leaves it open."""
    declared, known = header.declared_size, header.known_size
    if declared is not None:
        reader.settle_sensor_size(declared, "header")
    elif known is not None:
        reader.settle_sensor_size(known, "camera")


def _ends_in_header(head: bytes) -> bool:
    last_line = head.rfind(b"\n% ")
    return b"\n% end" not in head and last_line >= len(head) - LONGEST_LINE


def _is_text(line: bytes) -> bool:
    return not line.translate(None, delete=TEXT)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
