"""ConvertRequest: everything that decides what a conversion writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from neuroact.encoders.configs import (
    AdaptiveFramesConfig,
    FramesConfig,
    PointsConfig,
    SpikesConfig,
    SurfaceConfig,
    VoxelConfig,
)
from neuroact.encoders.filter_configs import FilterConfig, FilterSettings
from neuroact.encoders.window import LONGEST
from neuroact.recordings.limits import DEFAULT_LIMITS, Limits

Compression = Literal["zstd", "blosc2", "gzip", "none"]
Micros = Annotated[int, Field(ge=1, le=LONGEST)]


class KeepEvents(BaseModel):
    """No encoding: the events themselves, to be encoded when they are loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["events"] = "events"


Target = Annotated[
    KeepEvents | VoxelConfig | FramesConfig | AdaptiveFramesConfig | SurfaceConfig | PointsConfig | SpikesConfig,
    Field(discriminator="kind"),
]
KINDS: dict[str, Target] = {
    target.kind: target
    for target in (
        KeepEvents(),
        VoxelConfig(),
        FramesConfig(),
        AdaptiveFramesConfig(),
        SurfaceConfig(),
        PointsConfig(),
        SpikesConfig(),
    )
}
"""Every kind of sample by name, with its default settings."""


class Settings(TypedDict, total=False):
    """The fields of `ConvertRequest` as keywords; what is absent or None has its default.

    - `to`: may be the name of a kind, for its default settings.
    """

    to: Target | str
    window: int | None
    stride: int | None
    windows: int | None
    filters: Sequence[FilterSettings]
    size: tuple[int, int] | None
    time_origin: Literal["camera", "zero"]
    compression: Compression | None
    sensor_size: tuple[int, int] | None
    format: str | None
    raise_limits: int


class ConvertRequest(BaseModel):
    """What is asked of a conversion. Two runs with equal requests and sources write equal bytes.

    - `to`: what samples become: `KeepEvents` or the configuration of an encoder.
    - `window`, `stride`: µs; windows `[first + k * stride, first + k * stride + window)` from the first event on, the
      last of which may reach past the end. The stride is the window unless given.
    - `windows`: this many equal windows instead. With neither, each recording is one sample.
    - `filters`: applied to the events in this order, before windows are cut.
    - `size`: `(width, height)` that sensors are then scaled down to.
    - `time_origin`: `camera` keeps the timestamps, `zero` counts from each recording's first event.
    - `compression`: by default zstd for events and blosc2 (LZ4) for tensors, which are read at random.
    - `sensor_size`, `format`: override what recordings say.
    - `raise_limits`: factor on `neuroact.recordings.Limits`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: Target = KeepEvents()
    window: Micros | None = None
    stride: Micros | None = None
    windows: PositiveInt | None = None
    filters: tuple[FilterConfig, ...] = ()
    size: tuple[PositiveInt, PositiveInt] | None = None
    time_origin: Literal["camera", "zero"] = "camera"
    compression: Compression
    sensor_size: tuple[PositiveInt, PositiveInt] | None = None
    format: str | None = None
    raise_limits: PositiveInt = 1

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The request that keywords stand for. Raises `ValueError` if they contradict each other."""
        fields: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
        if isinstance(kind := fields.get("to"), str):
            if kind not in KINDS:
                raise ValueError(f"there is no kind of sample {kind!r}; there are {', '.join(KINDS)}")
            fields["to"] = KINDS[kind]
        return cls(**fields)

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Fills in what depends on other fields, so that a request says the same however it was written."""
        to = fields.get("to", KeepEvents())
        kind = to.get("kind") if isinstance(to, dict) else to.kind
        settled = {"stride": fields.get("window"), "compression": "zstd" if kind == "events" else "blosc2"}
        return settled | {name: value for name, value in fields.items() if value is not None}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.window is not None and self.windows is not None:
            raise ValueError("give either window or windows, not both")
        if self.window is None and self.stride is not None:
            raise ValueError("a stride needs a window")
        return self

    @property
    def limits(self) -> Limits:
        """Sizes beyond which a recording is refused."""
        return DEFAULT_LIMITS.scaled(self.raise_limits)

    @property
    def samples_per_recording(self) -> int | None:
        """How many samples a recording gives, where that does not depend on how long it is."""
        return None if self.window is not None else self.windows or 1
