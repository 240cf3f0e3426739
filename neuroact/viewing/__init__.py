"""Pictures, videos and pages of recordings."""

from neuroact.viewing.drawing import view
from neuroact.viewing.style import STYLES, Style
from neuroact.viewing.survey import View

__all__ = ["STYLES", "Style", "View", "view"]
