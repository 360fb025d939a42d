"""Workbooks of Excel, written by hand: the parts of the zip as the standard has them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from xml.sax.saxutils import escape

Cell = str | float | datetime | date | time | bool | None
Sheets = Mapping[str, Sequence[Sequence[Cell]]]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FIRST_DAY = datetime(1899, 12, 30)
# Style 1 is a date with a time of day, 2 a date, 3 a time of day.
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="21" applyNumberFormat="1"/></cellXfs>'
    "</styleSheet>"
)


def parts_of(sheets: Sheets) -> dict[str, str]:
    """Return the parts of a workbook, by their names in the zip."""
    strings: dict[str, int] = {}
    pages = [_page(rows, strings) for rows in sheets.values()]
    numbers = range(1, len(pages) + 1)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, sheets, strict=True)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" '
        f'Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    others = "".join(
        f'<Relationship Id="r{name}" Type="{_OFFICE}/{name}" Target="{name}.xml"/>'
        for name in ("styles", "sharedStrings")
    )
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" '
        f'ContentType="{_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    shared = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f"{types}</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f"{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}'
        f"{others}</Relationships>",
        "xl/styles.xml": _STYLES,
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{shared}</sst>',
        **{f"xl/worksheets/sheet{n}.xml": page for n, page in zip(numbers, pages, strict=True)},
    }


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """Return the zip of some parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            whole = _HEAD + content if isinstance(content, str) else content
            packed.writestr(zipfile.ZipInfo(name), whole)
    return out.getvalue()


def workbook(sheets: Sheets) -> bytes:
    """Return a workbook of sheets, by their names; None leaves a cell out."""
    return zipped(parts_of(sheets))


def _page(rows: Sequence[Sequence[Cell]], strings: dict[str, int]) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [
            _cell(f"{chr(65 + place)}{number}", cell, strings)
            for place, cell in enumerate(row)
            if cell is not None
        ]
        if cells:
            lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(place: str, cell: Cell, strings: dict[str, int]) -> str:
    if isinstance(cell, str):
        number = strings.setdefault(cell, len(strings))
        return f'<c r="{place}" t="s"><v>{number}</v></c>'
    if isinstance(cell, bool):
        return f'<c r="{place}" t="b"><v>{int(cell)}</v></c>'
    style, number_of = "", cell
    if isinstance(cell, datetime):
        style, number_of = ' s="1"', (cell - _FIRST_DAY).total_seconds() / 86_400
    elif isinstance(cell, date):
        style, number_of = ' s="2"', (cell - _FIRST_DAY.date()).days
    elif isinstance(cell, time):
        seconds = (cell.hour * 60 + cell.minute) * 60 + cell.second
        style, number_of = ' s="3"', seconds / 86_400
    return f'<c r="{place}"{style}><v>{number_of!r}</v></c>'
