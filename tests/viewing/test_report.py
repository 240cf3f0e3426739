"""The pieces of a report escape what they are given, and the page holds everything."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuroact.viewing import STYLES, report
from neuroact.viewing.style import DARK, rgb
from neuroact.viewing.voxels import GAP, voxel_strip
from tests.viewing.conftest import Browser

NASTY = "<b>&\"'</b>"
SAFE = "&lt;b&gt;&amp;&quot;&#x27;&lt;/b&gt;"
PIECES = {
    "heading": report.heading(NASTY),
    "paragraph": report.paragraph(NASTY),
    "lead": report.paragraph(NASTY, lead=True),
    "key figures": report.key_figures([(NASTY, NASTY)]),
    "picture": report.picture(b"", NASTY),
    "table": report.table([NASTY], [[NASTY]], alarm={NASTY}),
    "bars": report.bars([(NASTY, 1.0, NASTY)]),
    "code": report.code(NASTY),
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_text_is_escaped(piece: str) -> None:
    assert SAFE in piece
    assert NASTY not in piece


def test_a_table_marks_columns_and_alarms() -> None:
    html = report.table(["name", "count"], [["a", "1"], ["b", "lost"]], right={1}, alarm={"lost"})
    assert '<th class="right">count</th>' in html
    assert '<td class="right">1</td>' in html
    assert '<td class="right alarm">lost</td>' in html
    assert "<td>b</td>" in html


def test_the_longest_bar_spans_the_page() -> None:
    assert re.findall(r"width: ([\d.]+)%", report.bars([("a", 1.0, ""), ("b", 4.0, "")])) == ["25.0", "100.0"]
    assert "width: 0.0%" in report.bars([("nothing", 0.0, "")])


def test_a_picture_is_embedded_unchanged() -> None:
    assert base64.b64encode(b"\x89PNG data").decode() in report.picture(b"\x89PNG data", "")


@pytest.mark.parametrize("style", STYLES)
def test_the_page_uses_its_style_and_names_no_address(tmp_path: Path, style: str) -> None:
    path = tmp_path / "report.html"
    report.write_report(path, NASTY, PIECES.values(), style=STYLES[style])
    page = path.read_text()
    assert f"<title>{SAFE}</title>" in page
    assert f"background: {STYLES[style].ground}" in page
    outside_plotly = re.sub(r"<script>.*?</script>", "", page, count=1, flags=re.DOTALL)
    assert not re.search(r"(src|href)=.?https?:|@import|url\(", outside_plotly)
    assert "default-src 'none'" in page


def test_a_browser_draws_its_figures(tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "report.html"
    line = {"data": [{"type": "scatter", "x": [0, 1], "y": [0, 1]}], "layout": {}, "config": {}}
    report.write_report(path, "one line", [report.plot("line", 300)], style=DARK, figures={"line": line})
    document = browser.open(path, "--dump-dom")
    assert 'data-drawn="line"' in document
    assert "scatterlayer" in document
    assert browser.requests() == []


def test_a_voxel_grid_is_a_strip_of_its_bins() -> None:
    grid = np.zeros((3, 4, 5), np.float32)
    grid[0, 1, 2], grid[1, 3, 4] = 2.0, -2.0
    with Image.open(io.BytesIO(voxel_strip(grid, style=DARK))) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (4, 3 * 5 + 2 * GAP, 3)
    assert tuple(pixels[1, 2]) == rgb(DARK.on)
    assert tuple(pixels[3, 5 + GAP + 4]) == rgb(DARK.off)
    assert (pixels[:, 2 * (5 + GAP) :] == rgb(DARK.panel)).all()
    assert (pixels[:, 5 : 5 + GAP] == rgb(DARK.ground)).all()
