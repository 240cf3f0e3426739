"""A voxel grid as a picture: its bins side by side."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuroact.viewing.shading import full_count, shade
from neuroact.viewing.style import Style, rgb

GAP = 6
"""Pixels between two bins."""


def voxel_strip(grid: NDArray[np.float32], *, style: Style) -> bytes:
    """The PNG of a grid `(bins, height, width)`, first bin on the left: more ON than OFF in ON's colour, and so on."""
    full = full_count(np.abs(grid))
    pictures = [shade(np.maximum(slab, 0), np.maximum(-slab, 0), full, style) for slab in grid]
    height, width = grid.shape[1:]
    canvas = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), rgb(style.ground))
    for i, picture in enumerate(pictures):
        canvas.paste(Image.fromarray(picture), (i * (width + GAP), 0))
    file = io.BytesIO()
    canvas.save(file, "PNG", optimize=True)
    return file.getvalue()
