"""Colours, the same in every picture, video and page."""

from __future__ import annotations

from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Style:
    """A set of colours as `#rrggbb`.

    ON is orange and OFF is blue in both: the pair of hues that every common kind of colour blindness tells apart
    (Okabe and Ito 2008), lighter on dark ground so that both stand out from it equally.
    """

    name: str
    ground: str
    panel: str
    text: str
    faint: str
    """Secondary text, axes."""
    line: str
    on: str
    off: str
    single: str
    """Events without polarity."""
    alarm: str
    heat: tuple[str, ...]
    """Few to many events per pixel; begins at `panel`."""

    @property
    def css(self) -> dict[str, str]:
        """The colours by name, for templates."""
        names = ("ground", "panel", "text", "faint", "line", "on", "off", "single", "alarm")
        return {name: getattr(self, name) for name in names}


DARK = Style(
    name="dark",
    ground="#0e1116",
    panel="#161b22",
    text="#e8ecf1",
    faint="#8b96a5",
    line="#2a323d",
    on="#ffa62b",
    off="#4aa8ff",
    single="#c9d1d9",
    alarm="#ff7b72",
    heat=("#161b22", "#123a5c", "#1f6fa8", "#4aa8ff", "#a9d5ff", "#ffffff"),
)
LIGHT = Style(
    name="light",
    ground="#ffffff",
    panel="#f5f6f8",
    text="#1b1f24",
    faint="#667080",
    line="#dde1e7",
    on="#d55e00",
    off="#0072b2",
    single="#3d4650",
    alarm="#b3261e",
    heat=("#f5f6f8", "#cfe1ef", "#8fbcdb", "#3f8fc4", "#0a5a94", "#052f52"),
)
STYLES = {style.name: style for style in (DARK, LIGHT)}


def rgb(colour: str) -> RGB:
    """`#rrggbb` as three numbers from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
