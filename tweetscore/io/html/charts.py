"""Draw charts: what altair describes enters, SVG in the colours of the page around it leaves.

Charts are drawn here and not in the reader's browser: a page needs no script of a megabyte for
them, shows them at once, also where scripts are off, and prints them. Each is drawn twice, for a
desk and for a phone, and ``base.css`` shows the one that fits.
"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tweetscore.io.formats import VISIBLE
from tweetscore.io.html.parts import Table, base_style

Chart = Any  # one of altair's, whose methods are not typed
WIDE, HALF, NARROW = 640, 500, 328  # pixels: alone on a desk, one of a pair there, on a phone
HEIGHT = 260
SVG = "http://www.w3.org/2000/svg"
WITHOUT_TITLE = ("line mark", "area", "text mark", "axis", "legend")  # or after their first point
COLOURS = [f"var(--mark-{n})" for n in range(1, 11)]
LOOK = {
    "aria": True,  # each mark is named, and its name becomes a title
    "background": None,
    # These have the same widths, so that texts are as wide where they are read as here.
    "font": "'Liberation Sans', Arial, Helvetica, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)", "titleColor": "var(--soft)", "tickColor": "var(--line)",
        "domainColor": "var(--line)", "gridColor": "var(--line)", "titleFontWeight": "normal",
        "labelFontSize": 12, "titleFontSize": 12, "labelLimit": 160, "labelSeparation": 8,
    },
    "legend": {
        "orient": "top", "labelColor": "var(--ink)", "titleColor": "var(--soft)", "labelLimit": 260,
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "columns": 2,
        "columnPadding": 24,
    },
    "range": {"category": COLOURS},
    "mark": {"color": COLOURS[0]},
    "bar": {"color": COLOURS[0]},
    "line": {"color": COLOURS[0]},
    "point": {"color": COLOURS[0]},
    "area": {"color": COLOURS[0]},
    "rule": {"color": "var(--soft)"},
    "text": {"color": "var(--soft)", "fontSize": 12},
}  # fmt: skip
IN_XML = VISIBLE | dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}")
ET.register_namespace("", SVG)


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart of a page, which the macro ``draw`` of ``parts.html`` shows."""

    wide: Markup
    narrow: Markup
    table: Table | None = None  # of what it draws, where no other table of the page is


def picture(chart: Chart, *, wide: int = WIDE, table: Table | None = None) -> Picture:
    """Draw a chart for a page.

    Args:
        chart: of altair's; its height is kept, if it has one.
        wide: pixels from side to side, with the labels, on a desk.
        table: of what it draws, where no other table of the page is.
    """
    compiled = _compiled(chart)
    return Picture(Markup(_drawn(compiled, wide)), Markup(_drawn(compiled, NARROW)), table)


def write_svg(chart: Chart, path: Path, *, width: int = WIDE) -> None:
    """Write a chart as a file of its own, in the light colours."""
    light = dict(re.findall(r"(--[\w-]+): (#\w+)", base_style().partition("@media")[0]))
    drawn = _drawn(_compiled(chart, background="var(--paper)"), width)
    path.write_text(
        re.sub(r"var\((--[\w-]+)\)", lambda found: light[found[1]], drawn), encoding="utf-8"
    )


def _compiled(chart: Chart, *, background: str | None = None) -> dict[str, Any]:
    """Return a chart as Vega, for any width; its texts, perhaps of files, move no cursor."""
    import altair as alt
    from vl_convert import vegalite_to_vega

    alt.data_transformers.disable_max_rows()
    described = {
        "height": HEIGHT,
        **chart.to_dict(),
        "width": WIDE,
        "config": LOOK | {"background": background},
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
    compiled: dict[str, Any] = vegalite_to_vega(_cleaned(described))
    return compiled


def _cleaned(value: Any) -> Any:
    """Return a description without characters that XML has none of: these end the process."""
    if isinstance(value, str):
        return value.translate(IN_XML)
    if isinstance(value, dict):
        return {name: _cleaned(each) for name, each in value.items()}
    return list(map(_cleaned, value)) if isinstance(value, list) else value


def _drawn(compiled: dict[str, Any], width: int) -> str:
    """Return a compiled chart as SVG."""
    from vl_convert import vega_to_svg

    root = ET.fromstring(vega_to_svg(compiled | {"width": width}))
    for each in root.iter():
        _titled(each)
    return ET.tostring(root, encoding="unicode")


def _titled(element: ET.Element) -> None:
    """Turn what names a mark into a title, which a pointer shows; the picture has one name."""
    attributes = element.attrib
    is_mark = attributes.pop("role", "") == "graphics-symbol"
    name, kind = attributes.pop("aria-label", ""), attributes.pop("aria-roledescription", "")
    if is_mark and name and kind and kind not in WITHOUT_TITLE:
        ET.SubElement(element, f"{{{SVG}}}title").text = name
