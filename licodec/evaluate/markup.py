"""Tables, curves and pixels as pieces of an HTML page."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from licodec.evaluate.chart import Series, legend, line_chart
from licodec.evaluate.report import Table

_MAX_WEBP_SIDE_PX = 16383


def render_page(template: str, *, title: str, **parts: str) -> str:
    """Fill in `assets/TEMPLATE.html` and put it with the style and its script into one page.

    Args:
        title: plain text.
        parts: HTML for each place of the template.
    """
    assets = files("licodec.evaluate") / "assets"

    def read(name: str) -> str:
        return (assets / name).read_text(encoding="utf-8").strip()

    return Template(read("page.html") + "\n").substitute(
        title=escape(title),
        style=read("page.css"),
        body=Template(read(f"{template}.html")).substitute(parts),
        script=read(f"{template}.js"),
    )


def data_uri(pixels: NDArray[np.uint8], icc: bytes | None = None) -> str:
    """A lossless picture as the address of an `<img>`: WebP, or PNG if it is too large for that.

    Args:
        pixels: (h, w, 3) uint8 RGB.
        icc: RGB profile of the pixels.
    """
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    kind = "webp" if max(image.size) <= _MAX_WEBP_SIDE_PX else "png"
    options = {"lossless": True, "method": 4, "quality": 80} if kind == "webp" else {}
    image.save(buffer, kind, icc_profile=icc, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def html_table(
    table: Table,
    *,
    cell_classes: Mapping[tuple[int, int], str] | None = None,
    row_attributes: Sequence[str] = (),
    is_sortable: bool = False,
) -> str:
    """A `<table>` that scrolls sideways where it does not fit.

    Args:
        cell_classes: class of single cells, by row and column.
        row_attributes: attributes of each row, or none at all.
        is_sortable: whether the page's script lets readers sort it.
    """
    rows = []
    for row, cells in enumerate(table.rows):
        marked = []
        for column, text in enumerate(cells):
            name = "name" if column < table.num_names else (cell_classes or {}).get((row, column))
            tag = 'th scope="row"' if column == 0 else "td"
            attribute = f' class="{name}"' if name else ""
            marked.append(f"<{tag}{attribute}>{escape(text)}</{tag[:2]}>")
        attributes = f" {row_attributes[row]}" if row_attributes else ""
        rows.append(f"<tr{attributes}>{''.join(marked)}</tr>")
    heads = "".join(
        f'<th scope="col"{" class=name" if index < table.num_names else ""}>{escape(text)}</th>'
        for index, text in enumerate(table.columns)
    )
    kind = ' class="sortable"' if is_sortable else ""
    body = "\n".join(rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.columns[0])} '
        f'table"><table{kind}><caption><span>{escape(table.title)}</span></caption><thead><tr>{heads}</tr>'
        f"</thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def figure(
    series: Sequence[Series],
    *,
    y_label: str,
    title: str,
    max_x: float | None = None,
    mark_x: float | None = None,
) -> str:
    """A chart of quality over rate with its legend."""
    chart = line_chart(
        series, x_label="bits per pixel", y_label=y_label, title=title, max_x=max_x, mark_x=mark_x
    )
    return f"<figure>{chart}{legend(series)}</figure>"


def details(lines: Sequence[str], environment: Mapping[str, str]) -> str:
    """A list of notes, and of what the measured times depend on."""
    measured = ", ".join(f"{key} {value}" for key, value in environment.items())
    shown = [*lines, *([f"Measured with {measured}."] if measured else [])]
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in shown) + "</ul>"
