"""How much a recording may claim before it is refused. The only place where these numbers stand."""

from dataclasses import dataclass, fields
from typing import Self

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes beyond which a header is taken for damaged or hostile and `LimitExceeded` is raised.

    The defaults stand well above what cameras write: the longest header known is a jAER DAVIS header of 175 KB,
    AEDAT 4 packets hold about 1 MB, and the largest sensor is 1280 x 720.
    """

    sensor_side: int = 16_384
    """Largest width or height, in pixels."""
    header_bytes: int = 8 * MIB
    """Longest text header or XML description."""
    packet_bytes: int = 64 * MIB
    """Largest packet, chunk or message as stored."""
    expanded_bytes: int = 64 * MIB
    """Largest packet, chunk or message once decompressed."""
    expansion: int = 500
    """Largest ratio of decompressed to stored size; packets below 1 MiB are exempt."""
    events: int = 1 << 40
    """Most events that a file may declare."""

    def scaled(self, factor: int) -> Self:
        """Every limit times `factor`: for trusted recordings that are larger than any camera's."""
        if factor < 1:
            raise ValueError(f"limits can only be raised: a factor of {factor} would lower them")
        return type(self)(**{field.name: getattr(self, field.name) * factor for field in fields(self)})


DEFAULT_LIMITS = Limits()
