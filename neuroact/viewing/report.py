"""Reports: one HTML page with everything in it. Each function here gives a piece of such a page, with text escaped."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from neuroact.atomic import whole_file
from neuroact.viewing.point_cloud import Figure, plotly_js, script_json
from neuroact.viewing.style import Style


def write_report(
    path: Path, title: str, pieces: Iterable[str], *, style: Style, figures: Mapping[str, Figure] | None = None
) -> None:
    """Writes a page that forbids itself every network request.

    - `pieces`: HTML, as the other functions of this module give it.
    - `figures`: by the names of the `plot` pieces that they are drawn into.
    """
    template = Template(resources.files("neuroact.viewing").joinpath("report.html").read_text("utf-8"))
    page = template.substitute(
        style.css,
        title=escape(title),
        body="\n".join(pieces),
        plotly=plotly_js(),
        figures=script_json(figures or {}),
    )
    with whole_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def heading(text: str) -> str:
    """The title of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, *, lead: bool = False) -> str:
    """Running text; `lead` for the first words below the title."""
    attribute = ' class="lead"' if lead else ""
    return f"<p{attribute}>{escape(text)}</p>"


def key_figures(figures: Iterable[tuple[str, str]]) -> str:
    """Numbers in large type, each with what it counts."""
    boxes = "".join(f"<div><b>{escape(value)}</b>{escape(what)}</div>" for value, what in figures)
    return f'<div class="figures">{boxes}</div>'


def picture(png: bytes, caption: str) -> str:
    """A PNG, embedded."""
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def plot(name: str, height: int) -> str:
    """Where the figure of that name is drawn; height in pixels."""
    return f'<div id="{escape(name)}" class="plot" style="height: {height}px"></div>'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[int] = (), alarm: Collection[str] = ()
) -> str:
    """A table of text. `right`: columns that are aligned right. `alarm`: texts that are drawn in the alarm's colour."""

    def cell(tag: str, column: int, text: str) -> str:
        classes = [name for name, wanted in (("right", column in right), ("alarm", text in alarm)) if wanted]
        attribute = f' class="{" ".join(classes)}"' if classes else ""
        return f"<{tag}{attribute}>{escape(text)}</{tag}>"

    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(cell(tag, column, text) for column, text in enumerate(cells)) + "</tr>"

    body = "\n".join(line("td", row) for row in rows)
    return f'<div class="scroll"><table><thead>{line("th", head)}</thead><tbody>{body}</tbody></table></div>'


def bars(rows: Sequence[tuple[str, float, str]]) -> str:
    """A bar chart: name, length and text of each bar, the longest bar across the page."""
    longest = max((length for _, length, _ in rows), default=0) or 1
    lines = "\n".join(
        f'<tr><td>{escape(name)}</td><td class="right">{escape(text)}</td>'
        f'<td class="wide"><div class="bar" style="width: {100 * length / longest:.1f}%"></div></td></tr>'
        for name, length, text in rows
    )
    return f'<div class="scroll"><table><tbody>{lines}</tbody></table></div>'


def code(text: str) -> str:
    """Text to be typed."""
    return f"<pre>{escape(text)}</pre>"
