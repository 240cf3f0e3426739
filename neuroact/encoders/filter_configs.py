"""Filters as frozen settings, and how they are written on the command line."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    field_validator,
)

from neuroact.encoders.base import Filter
from neuroact.encoders.filters import Chain, Crop, Downsample, Flip, Polarity
from neuroact.encoders.noise import BackgroundActivity, HotPixels, PixelSurvey, Refractory
from neuroact.encoders.stabilising import SACCADES, Stabilise
from neuroact.events import Events

TIME = re.compile(r"(\d{1,12}(?:\.\d+)?) ?(us|µs|μs|ms|s)?")
MICROSECONDS = {None: 1, "us": 1, "µs": 1, "μs": 1, "ms": 1_000, "s": 1_000_000}


def _microseconds(value: Any) -> Any:
    """`1ms` as 1000; what is not text, or no time, is left for pydantic to judge."""
    match = TIME.fullmatch(value) if isinstance(value, str) else None
    return round(float(match[1]) * MICROSECONDS[match[2]]) if match else value


def _motion(value: Any) -> Any:
    """A known motion by its name, `0 0 0; 105ms 3.5 7` as lists of three; what is neither is left for pydantic."""
    if not isinstance(value, str):
        return value
    return MOTIONS.get(value) or (value if value.isalpha() else [point.split() for point in value.split(";")])


Micros = Annotated[PositiveInt, BeforeValidator(_microseconds)]
MOTIONS = {"saccades": SACCADES}


class FilterSettings(BaseModel, ABC):
    """One filter and its settings: `kind` names it, the other fields follow it, in order, on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def needs_survey(self) -> bool:
        """Whether the filter must see the whole stream before it can judge the first event."""
        return False

    @abstractmethod
    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        """The filter for the start of a stream from a sensor of `(width, height)` pixels.

        Raises `ValueError` if it needs a survey of the stream and none is given, or does not fit the sensor.
        """


class CropFilter(FilterSettings):
    """Settings of `crop`: `crop:X,Y,WIDTH,HEIGHT`."""

    kind: Literal["crop"] = "crop"
    x: NonNegativeInt
    y: NonNegativeInt
    width: PositiveInt
    height: PositiveInt

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        return Crop(sensor_size, self.x, self.y, self.width, self.height)


class DownsampleFilter(FilterSettings):
    """Settings of `downsample`: `downsample:FACTOR`."""

    kind: Literal["downsample"] = "downsample"
    factor: PositiveInt

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        return Downsample(sensor_size, self.factor)


class HotPixelsFilter(FilterSettings):
    """Settings of `hot_pixels`: it has none."""

    kind: Literal["hot_pixels"] = "hot_pixels"

    @property
    def needs_survey(self) -> bool:
        return True

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        if survey is None:
            raise ValueError("hot_pixels needs a survey of the whole stream first: build it with `filter_chain`")
        return HotPixels(survey)


class BackgroundActivityFilter(FilterSettings):
    """Settings of `background_activity`: `background_activity[:WINDOW]`, in µs or with a unit."""

    kind: Literal["background_activity"] = "background_activity"
    window_us: Micros = 5000

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        return BackgroundActivity(sensor_size, self.window_us)


class RefractoryFilter(FilterSettings):
    """Settings of `refractory`: `refractory[:PERIOD]`, in µs or with a unit."""

    kind: Literal["refractory"] = "refractory"
    period_us: Micros = 1000

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        return Refractory(sensor_size, self.period_us)


class FlipFilter(FilterSettings):
    """Settings of `flip`: `flip[:x|y|xy]`."""

    kind: Literal["flip"] = "flip"
    axes: Literal["x", "y", "xy"] = "x"

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        return Flip(sensor_size, self.axes)


class PolarityFilter(FilterSettings):
    """Settings of `polarity`: `polarity:on|off`."""

    kind: Literal["polarity"] = "polarity"
    keep: Literal["on", "off"]

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        return Polarity(sensor_size, self.keep)


class StabiliseFilter(FilterSettings):
    """Settings of `stabilise`: `stabilise:saccades`, or `stabilise:T X Y; ...`, in µs (or with a unit) and pixels."""

    kind: Literal["stabilise"] = "stabilise"
    path: Annotated[
        tuple[tuple[Annotated[NonNegativeInt, BeforeValidator(_microseconds)], FiniteFloat, FiniteFloat], ...],
        BeforeValidator(_motion),
    ]

    @field_validator("path")
    @classmethod
    def _fits(cls, path: tuple[tuple[int, float, float], ...]) -> tuple[tuple[int, float, float], ...]:
        Stabilise((1, 1), path)
        return path

    def stream(self, sensor_size: tuple[int, int], survey: PixelSurvey | None = None) -> Filter:
        return Stabilise(sensor_size, self.path)


FilterConfig = Annotated[
    CropFilter
    | DownsampleFilter
    | HotPixelsFilter
    | BackgroundActivityFilter
    | RefractoryFilter
    | FlipFilter
    | PolarityFilter
    | StabiliseFilter,
    Field(discriminator="kind"),
]
"""Any of the eight, told apart by `kind`."""
FILTERS: dict[str, type[FilterSettings]] = {
    config.model_fields["kind"].default: config
    for config in (
        CropFilter,
        DownsampleFilter,
        HotPixelsFilter,
        BackgroundActivityFilter,
        RefractoryFilter,
        FlipFilter,
        PolarityFilter,
        StabiliseFilter,
    )
}
"""By the name that the command line uses."""


def parse_filter(text: str) -> FilterSettings:
    """A filter's settings from `NAME` or `NAME:VALUE,VALUE`, such as `refractory:1ms` or `crop:0,0,128,128`.

    Raises `ValueError` that says how the filter is written.
    """
    name, _, rest = text.strip().partition(":")
    config = FILTERS.get(name.replace("-", "_"))
    if config is None:
        raise ValueError(f"there is no filter {name!r}; there are {', '.join(FILTERS)}")
    fields = [field for field in config.model_fields if field != "kind"]
    values = [value.strip() for value in rest.split(",")] if rest else []
    usage = f"{text!r}: {str(config.__doc__).split(': ', 1)[1].rstrip('.')}"
    if len(values) > len(fields):
        raise ValueError(f"{usage}; {len(values)} values are too many")
    try:
        return config(**dict(zip(fields, values, strict=False)))
    except ValidationError as error:
        problem = error.errors()[0]
        raise ValueError(f"{usage}; {problem['loc'][0]}: {problem['msg']}") from error


def filter_chain(
    configs: Sequence[FilterSettings],
    sensor_size: tuple[int, int],
    passes: Callable[[], Iterable[Events]],
) -> Chain:
    """The filters of a stream, one after the other, ready for its first events.

    `passes` begins a pass over the whole stream, as `survey` needs it. To filter the stream more than once, call
    `survey` once and `chained` each time. Raises as they do.
    """
    return chained(configs, sensor_size, survey(configs, sensor_size, passes))


def survey(
    configs: Sequence[FilterSettings],
    sensor_size: tuple[int, int],
    passes: Callable[[], Iterable[Events]],
) -> list[PixelSurvey | None]:
    """What each filter must know of the whole stream before it begins; None for those that need nothing.

    - `passes`: begins a pass over the stream. It is called once for each filter that needs a survey, and what comes is
      counted behind the filters before it.

    Raises `ValueError` if a filter does not fit the sensor, and whatever a pass raises.
    """
    surveys: list[PixelSurvey | None] = []
    for index, config in enumerate(configs):
        surveys.append(None)
        if config.needs_survey:
            earlier = chained(configs[:index], sensor_size, surveys[:index])
            pixels = surveys[index] = PixelSurvey(earlier.sensor_size)
            for events in passes():
                pixels.add(earlier(events))
    return surveys


def chained(
    configs: Sequence[FilterSettings], sensor_size: tuple[int, int], surveys: Sequence[PixelSurvey | None]
) -> Chain:
    """The filters ready for a stream, given what `survey` found. Raises `ValueError` if one does not fit the sensor."""
    filters: list[Filter] = []
    size = sensor_size
    for config, pixels in zip(configs, surveys, strict=True):
        filters.append(config.stream(size, pixels))
        size = filters[-1].sensor_size
    return Chain(sensor_size, filters)
