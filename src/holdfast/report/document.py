"""The report as one HTML file that needs nothing else: no network, no script to be read."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from holdfast.batch.conclusion import Status
from holdfast.report.markup import Markup, element, joined
from holdfast.report.outline import Cell, Column, Kind, Section, Table
from holdfast.report.pictures import picture
from holdfast.report.reading import Report
from holdfast.report.requests import not_ok, open_requests, slowest
from holdfast.report.sections import sections
from holdfast.report.shapes import small_bar
from holdfast.report.texts import shown
from holdfast.report.words import rate

_STATUSES = tuple(Status)
_NO_FAILURES = "Nothing failed, and nothing is in doubt."


def document(report: Report) -> str:
    """Write a report as HTML.

    Args:
        report: what it tells.

    Returns:
        The whole file's text.
    """
    style, script = _static("report.css"), _static("report.js")
    title = f"Holdfast report: {shown(str(report.sources[0].path))}"
    told = sections(report)
    body = element(
        "body",
        element("a", "To the requests that are not ok", href="#not-ok", class_="skip"),
        _header(report, told),
        element("main", _first(report, told[0]), _figures(report, told[1:]), _requests(report)),
        element("footer", "Times are UTC. Colours: every picture's numbers also stand in a table."),
        element("script", Markup(script)),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        element("style", Markup(style)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _figures(report: Report, told: Sequence[Section]) -> Markup:
    """The sections of figures, one behind another."""
    return joined(_section(section, picture(section.anchor, report.figures)) for section in told)


def _header(report: Report, told: Sequence[Section]) -> Markup:
    links = [(section.anchor, section.title) for section in told]
    links += [("slowest", "Slowest requests"), ("not-ok", "Not ok")]
    return element(
        "header",
        element("p", "Holdfast", class_="brand"),
        element("h1", "Report of ", element("span", shown(_name(report)))),
        element(
            "nav",
            element("ul", (element("li", element("a", t, href=f"#{a}")) for a, t in links)),
            aria_label="Sections",
        ),
    )


def _name(report: Report) -> str:
    path = report.sources[0].path
    return f"{path.parent.name}/{path.name}" if path.parent.name else path.name


def _first(report: Report, section: Section) -> Markup:
    figures = report.figures
    tiles = [(status.value, f"{figures.statuses[status]:,}", status.value) for status in _STATUSES]
    if report.left:
        tiles.append(("left", f"{report.left:,}", "left"))
    if report.seconds:
        tiles.append(("requests a second", rate(figures.done, report.seconds), ""))
    if figures.done:
        tiles.append(("attempts a request", f"{figures.attempts / figures.done:.3f}", ""))
    drawn = element(
        "dl",
        (
            element("div", element("dt", name), element("dd", text), class_=f"tile t-{kind}")
            for name, text, kind in tiles
        ),
        class_="tiles",
    )
    return _section(section, drawn)


def _requests(report: Report) -> Markup:
    failures = not_ok(report) or element("p", _NO_FAILURES, class_="empty")
    under_way = open_requests(report)
    parts = [
        _plain("slowest", "Slowest requests", slowest(report)),
        _plain("not-ok", "Not ok", failures),
    ]
    if under_way:
        lead = (
            "The run is at work on these, or about to be."
            if report.live
            else "These may have been executed. The command that began the run asks for each of "
            "them again with its own idempotency key."
        )
        parts.append(_plain("open", "Without a result", element("p", lead), under_way))
    return joined(parts)


def _plain(anchor: str, title: str, *content: Markup) -> Markup:
    return element(
        "section",
        element("h2", title, id=f"{anchor}-title"),
        content,
        id=anchor,
        aria_labelledby=f"{anchor}-title",
    )


def _section(section: Section, drawn: Markup) -> Markup:
    facts = element(
        "dl", (joined(element("dt", n), element("dd", v)) for n, v in section.facts), class_="facts"
    )
    return _plain(
        section.anchor,
        section.title,
        element("p", section.lead, class_="lead"),
        drawn,
        facts if section.facts else Markup(),
        joined(map(_table, section.tables)),
        joined(element("p", note, class_="note") for note in section.notes),
    )


def _table(table: Table) -> Markup:
    written = element(
        "div",
        element(
            "table",
            element("caption", table.caption),
            element("thead", element("tr", map(_heading, table.columns))),
            element("tbody", (_row(table, number) for number in range(len(table.rows)))),
            class_="folded" if table.folded else "sortable",
        ),
        class_="scroll",
        role="region",
        aria_label=table.caption,
        tabindex="0",
    )
    if not table.folded:
        return written
    return element(
        "details", element("summary", "The numbers as a table"), written, class_="numbers"
    )


def _heading(column: Column) -> Markup:
    return element("th", column.title, scope="col", class_=f"c-{column.kind}")


def _row(table: Table, number: int) -> Markup:
    first, *others = table.rows[number]
    columns = table.columns
    text = element("span", _text(columns[0], first))
    name = element("span", _dot(table, number), text, _bar(table, number))
    cells = (
        element("td", _text(column, cell), class_=f"c-{column.kind}", data_value=_value(cell))
        for column, cell in zip(columns[1:], others, strict=True)
    )
    return element(
        "tr",
        element("th", name, scope="row", class_=f"c-{columns[0].kind}", data_value=_value(first)),
        cells,
    )


def _dot(table: Table, number: int) -> Markup:
    return element("i", class_=f"dot k-{table.kinds[number]}") if table.kinds else Markup()


def _bar(table: Table, number: int) -> Markup:
    if not table.bars or table.folded:
        return Markup()
    return small_bar(table.bars[number], table.kinds[number] if table.kinds else "whole")


def _text(column: Column, cell: Cell) -> Markup:
    return element("code", cell.text) if column.kind is Kind.CODE else joined(cell.text)


def _value(cell: Cell) -> str | None:
    return None if cell.value is None else f"{cell.value:.9g}"


def _static(name: str) -> str:
    return files("holdfast.report").joinpath("static", name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing from anywhere: only the style and the script of this very file, by their hashes."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
