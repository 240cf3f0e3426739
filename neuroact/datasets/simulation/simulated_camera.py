"""A DVS sensor made of numbers: brightness goes in frame by frame, events come out.

Every pixel (Lichtsteiner et al. 2008; the noise terms after Hu et al. 2021, "v2e") compares a filtered logarithm of
its brightness with a reference value:

    L = I ln(20) / 20  if I <= 20  else  ln(I)               I = 255 b, the brightness b from 0 to 1
    dLp/dt = 2 pi f g (L - Lp)                               bandwidth f, times g = (I + 20) / 275: slower in the dark
    dB/dt = -leak theta_on                                   the reference leaks, which gives ON events at rate `leak`
    Lp - B >= theta_on:   ON event,  B += theta_on
    Lp - B <= -theta_off: OFF event, B -= theta_off          one event per threshold that is crossed
    shot noise: Poisson, (shot / 2) (1 - 0.75 g) theta / theta_pixel per polarity; B = Lp

Differences from v2e: Lp relaxes exponentially and not by Euler steps; the time of an event is where Lp - B, taken as
linear between two frames, crosses the threshold; the references start spread over the band between the thresholds, as
in a camera that has been running, so that leak events are not in step.

Most pixels see nothing change most of the time. Such a pixel sleeps: its next leak event is `due` at a known time, and
until then a frame costs it one comparison. `earliest` is no later than any `due` in a block of pixels, which are passed
over together while they all sleep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events
from neuroact.jit import loop, part

LEAST_THRESHOLD = 0.01
LEAK_SPREAD = 0.1
"""Decades by which the leak rate differs from pixel to pixel (standard deviation)."""
SHOT_NOISE_IN_WHITE = 0.25
"""Shot noise of a white pixel relative to a black one."""
MOST_PER_STEP = 4_096
"""Events of one pixel between two frames; beyond it the frames are too far apart for what they show."""
NEVER = np.iinfo(np.int64).max
BLOCK = 64
"""Pixels in a row that are looked at together to see whether all of them sleep."""
AHEAD = 50_000
"""Noise is drawn for so many µs at once."""
SETTLED = 1e-5
"""How close the filtered logarithm comes to its goal before it is taken to be there."""
LONG_AGO = np.iinfo(np.int64).min // 2

Fired = tuple[NDArray[np.int64], NDArray[np.integer], NDArray[np.uint8]]
"""Time in µs, pixel (row by row) and polarity of some events, each `(n,)`."""


@dataclass(frozen=True, slots=True)
class PixelModel:
    """What the pixels of a simulated camera are like. The defaults are a good camera in daylight.

    - `threshold_on`, `threshold_off`: change of log brightness that makes an event.
    - `mismatch`: standard deviation of the thresholds from pixel to pixel.
    - `bandwidth_hz`: corner frequency of a white pixel; 0 for no limit.
    - `refractory_us`: after an event, how long crossings make no event (the reference still follows).
    - `leak_hz`: rate of ON events in a constant scene, per pixel.
    - `shot_hz`: rate of noise events in the dark, both polarities together, per pixel.
    """

    threshold_on: float = 0.2
    threshold_off: float = 0.2
    mismatch: float = 0.03
    bandwidth_hz: float = 300.0
    refractory_us: int = 500
    leak_hz: float = 0.1
    shot_hz: float = 0.2


class SimulatedCamera:
    """A sensor with a state. The same seed, pixels and frames give the same events.

    - `sensor_size`: `(width, height)` in pixels.
    - `pixel`: what its pixels are like.
    - `seed`: of the mismatch and the noise.
    """

    def __init__(self, sensor_size: tuple[int, int], pixel: PixelModel | None = None, *, seed: int = 0) -> None:
        self.sensor_size = sensor_size
        self.pixel = pixel = pixel or PixelModel()
        self._random = random = np.random.default_rng(seed)
        pixels = sensor_size[0] * sensor_size[1]

        def thresholds(mean: float) -> NDArray[np.float32]:
            return np.maximum(random.normal(mean, pixel.mismatch, pixels), LEAST_THRESHOLD).astype(np.float32)

        self._theta_on = thresholds(pixel.threshold_on)
        self._theta_off = thresholds(pixel.threshold_off)
        spread = np.exp(math.log(10) * LEAK_SPREAD * random.standard_normal(pixels))
        self._leak = (pixel.leak_hz * self._theta_on * spread).astype(np.float32)
        self._lowest = float(min(self._theta_on.min(), self._theta_off.min()))
        self._place = random.random(pixels, np.float32)
        self._t: int | None = None
        self._brightness = np.zeros(pixels, np.float32)
        self._log = np.zeros(pixels, np.float32)
        self._filtered = np.zeros(pixels, np.float32)
        self._reference = np.zeros(pixels, np.float32)
        self._updated = np.zeros(pixels, np.int64)
        self._due = np.zeros(pixels, np.int64)
        self._last = np.full(pixels, LONG_AGO, np.int64)
        room = pixels + MOST_PER_STEP
        self._earliest = np.zeros(-(-pixels // BLOCK), np.int64)
        self._drawn = 0
        self._ahead: tuple[NDArray[Any], ...] = (
            np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint8), np.empty(0, np.float64)
        )  # fmt: skip
        self._when, self._where = np.empty(room, np.int64), np.empty(room, np.int32)
        self._polarity = np.empty(room, np.uint8)

    def see(self, brightness: NDArray[np.float32], t: int) -> Events:
        """Shows the camera a frame and returns the events since the frame before, in time order.

        - `brightness`: `(height, width)` float32 from 0 (black) to 1 (white), as it is at time `t`.
        - `t`: µs, later than that of the frame before.

        The first frame gives no events: it is what the camera has been looking at.
        Raises `ValueError` for a frame of another size or a time that does not increase.
        """
        width, height = self.sensor_size
        if brightness.shape != (height, width):
            raise ValueError(f"a frame of shape {brightness.shape} on a sensor of {height} rows and {width} columns")
        frame = np.ascontiguousarray(brightness, np.float32).reshape(-1)
        if self._t is None:
            self._settle(frame, t)
            return Events.empty(self.sensor_size)
        if t <= self._t:
            raise ValueError(f"a frame at {t} µs after one at {self._t} µs: time must increase")
        when, where, polarity = _joined(self._crossings(frame, t), self._noise(t))
        self._t = t
        order = np.argsort(when, kind="stable")
        y, x = np.divmod(where[order], width)
        return Events(when[order], x, y, polarity[order], self.sensor_size)

    def _settle(self, frame: NDArray[np.float32], t: int) -> None:
        intensity = 255 * frame.astype(np.float64)
        bright = np.log(np.maximum(intensity, 20))
        self._brightness[:] = frame
        self._log[:] = np.where(intensity <= 20, intensity * (math.log(20) / 20), bright)
        self._filtered[:] = self._log
        self._updated[:] = self._due[:] = self._earliest[:] = self._t = self._drawn = t
        # Lp - B is spread evenly from -theta_off to theta_on.
        self._reference[:] = self._log + self._theta_off - self._place * (self._theta_on + self._theta_off)

    def _crossings(self, frame: NDArray[np.float32], t: int) -> Fired:
        assert self._t is not None  # noqa: S101  (see() sets it)
        pixels, pixel = frame.size, self.pixel
        parts = []
        first = 0
        when, where, polarity = self._when, self._where, self._polarity
        while first < pixels:
            next_pixel, size = cross(
                frame, self._brightness, self._log, self._filtered, self._reference, self._updated, self._due,
                self._last, self._theta_on, self._theta_off, self._leak, self._earliest, first, self._t, t,
                2e-6 * math.pi * pixel.bandwidth_hz, pixel.refractory_us, when, where, polarity,
            )  # fmt: skip
            first = int(next_pixel)
            parts.append((when[:size].copy(), where[:size].copy(), polarity[:size].copy()))
        return _joined(*parts)

    def _noise(self, t: int) -> Fired:
        """The draws up to `t`, each thinned from the highest rate that any pixel has to the rate of its own."""
        if t > self._drawn:
            self._draw(max(t, self._drawn + AHEAD))
        end = int(np.searchsorted(self._ahead[0], t, side="right"))
        when, where, polarity, luck = (column[:end] for column in self._ahead)
        self._ahead = tuple(column[end:] for column in self._ahead)
        if end == 0:
            return when, where, polarity
        pixel = self.pixel
        kept = shoot(
            when, where, polarity, luck, self._brightness, self._filtered, self._reference, self._updated, self._due,
            self._last, self._theta_on, self._theta_off, self._earliest, t, pixel.threshold_on, pixel.threshold_off,
            self._lowest, pixel.refractory_us,
        )  # fmt: skip
        return when[kept], where[kept], polarity[kept]

    def _draw(self, until: int) -> None:
        """Draws noise from where it was drawn to, in time order; many frames' worth at once is quicker."""
        random, pixel = self._random, self.pixel
        per_pixel = pixel.shot_hz * 1e-6 * (until - self._drawn) * max(pixel.threshold_on, pixel.threshold_off)
        draws = random.poisson(per_pixel / self._lowest * self._theta_on.size)
        when = np.sort(random.integers(self._drawn + 1, until + 1, draws))
        where = random.integers(0, self._theta_on.size, draws, np.int32)
        polarity = random.integers(0, 2, draws, np.uint8)
        drawn = (when, where, polarity, random.random(draws))
        self._ahead = tuple(np.concatenate(columns) for columns in zip(self._ahead, drawn, strict=True))
        self._drawn = until


def _joined(*parts: Fired) -> Fired:
    when, where, polarity = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return when, where, polarity


@part
def log_brightness(brightness: float) -> float:
    """L of the module's docstring."""
    intensity = 255.0 * brightness
    if intensity <= 20.0:
        return intensity * (math.log(20.0) / 20.0)
    return math.log(intensity)


@loop
def cross(
    frame: NDArray[np.float32],
    brightness: NDArray[np.float32],
    log: NDArray[np.float32],
    filtered: NDArray[np.float32],
    reference: NDArray[np.float32],
    updated: NDArray[np.int64],
    due: NDArray[np.int64],
    last: NDArray[np.int64],
    theta_on: NDArray[np.float32],
    theta_off: NDArray[np.float32],
    leak: NDArray[np.float32],
    earliest: NDArray[np.int64],
    first: int,
    start: int,
    stop: int,
    corner: float,
    refractory: int,
    when: NDArray[np.int64],
    where: NDArray[np.int32],
    polarity: NDArray[np.uint8],
) -> tuple[int, int]:
    """Moves the pixels from `first` on from time `start` to `stop`, and writes the thresholds that they cross.

    Returns the first pixel that it did not come to, for want of room, and the number of events.
    """
    size = 0
    step = stop - start
    for block in range(first // BLOCK, earliest.size):
        begin, end = block * BLOCK, min(frame.size, (block + 1) * BLOCK)
        if earliest[block] > stop:
            changed = 0
            for i in range(begin, end):
                changed += frame[i] != brightness[i]
            if changed == 0:
                continue
        earliest[block] = stop
        for i in range(max(first, begin), end):
            if frame[i] == brightness[i] and due[i] > stop:
                continue
            if size + MOST_PER_STEP > when.size:
                return i, size
            if frame[i] != brightness[i]:
                brightness[i] = frame[i]
                log[i] = log_brightness(frame[i])
            per_us = 1e-6 * leak[i]
            reference[i] -= per_us * (start - updated[i])
            before = filtered[i] - reference[i]
            behind = log[i] - filtered[i]
            if corner == 0.0 or abs(behind) < SETTLED:
                filtered[i] = log[i]
            else:
                gain = (255.0 * brightness[i] + 20.0) / 275.0
                filtered[i] += behind * (1.0 - math.exp(-corner * gain * step))
            reference[i] -= per_us * step
            updated[i] = stop
            after = filtered[i] - reference[i]
            due[i] = stop
            if -theta_off[i] < after < theta_on[i]:
                if filtered[i] == log[i]:
                    due[i] = stop + int((theta_on[i] - after) / per_us) if per_us > 0.0 else NEVER
                continue
            on = after > 0.0
            theta = theta_on[i] if on else -theta_off[i]
            crossings = min(int(after / theta), MOST_PER_STEP)
            reference[i] += crossings * theta
            slope = (after - before) / step
            for k in range(1, crossings + 1):
                # A pixel may begin beyond a threshold where noise moved its reference: then it fires at once.
                wait = (k * theta - before) / slope if slope != 0.0 else 0.0
                t = start + max(1, min(step, math.ceil(wait)))
                if t - last[i] > refractory:
                    last[i] = t
                    when[size] = t
                    where[size] = i
                    polarity[size] = on
                    size += 1
        soonest = due[begin]
        for i in range(begin + 1, end):
            soonest = min(soonest, due[i])
        earliest[block] = soonest
    return frame.size, size


@loop
def shoot(
    when: NDArray[np.int64],
    where: NDArray[np.int32],
    polarity: NDArray[np.uint8],
    luck: NDArray[np.float64],
    brightness: NDArray[np.float32],
    filtered: NDArray[np.float32],
    reference: NDArray[np.float32],
    updated: NDArray[np.int64],
    due: NDArray[np.int64],
    last: NDArray[np.int64],
    theta_on: NDArray[np.float32],
    theta_off: NDArray[np.float32],
    earliest: NDArray[np.int64],
    stop: int,
    nominal_on: float,
    nominal_off: float,
    lowest: float,
    refractory: int,
) -> NDArray[np.bool_]:
    """Which of the noise draws become events, by their `luck` from 0 to 1; the references of their pixels follow."""
    kept = np.zeros(when.size, np.bool_)
    highest = max(nominal_on, nominal_off) / lowest
    for k in range(when.size):
        i = where[k]
        relative = nominal_on / theta_on[i] if polarity[k] else nominal_off / theta_off[i]
        g = (255.0 * brightness[i] + 20.0) / 275.0
        if luck[k] * highest >= relative * (1.0 - (1.0 - SHOT_NOISE_IN_WHITE) * g) or when[k] - last[i] <= refractory:
            continue
        kept[k] = True
        reference[i] = filtered[i]
        updated[i] = due[i] = stop
        earliest[i // BLOCK] = min(earliest[i // BLOCK], stop)
        last[i] = max(last[i], when[k])
    return kept
