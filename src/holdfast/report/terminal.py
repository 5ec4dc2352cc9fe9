"""The report as plain text, in the order of the HTML, in lines of a fixed width."""

import textwrap
from collections.abc import Iterator

from holdfast.batch.conclusion import Status
from holdfast.report.advice import retry, what_to_do
from holdfast.report.failures import Group
from holdfast.report.outline import Kind, Section, Table
from holdfast.report.reading import Report
from holdfast.report.sections import sections
from holdfast.report.texts import cut, middle_cut, plural, shown
from holdfast.report.timeline import in_brief
from holdfast.report.words import short

WIDTH = 96

_BAR = 8
_ROWS = 10
_NAMED = 5
_GROUPS = 10
_COMMAND = 4000
_EIGHTHS = " ▏▎▍▌▋▊▉"
_SPARKS = "▁▂▃▄▅▆▇█"
_SPARKLINE = 60


def lines(report: Report) -> Iterator[str]:
    """The report's lines, without line breaks."""
    for section in sections(report):
        yield from _section(section)
    yield from _slowest(report)
    yield from _not_ok(report)
    yield from _without_result(report)


def _section(section: Section) -> Iterator[str]:
    yield from _title(section.title)
    yield from _wrapped(section.lead)
    for name, value in section.facts:
        yield from _wrapped(f"{name:<17}{value}", hanging=17)
    for table in section.tables:
        yield from _sparkline(table) if table.folded else _table(table)
    for note in section.notes:
        yield from _wrapped(note)
    yield ""


def _table(table: Table) -> Iterator[str]:
    """A table without its columns of prose, which the HTML has."""
    kept = [
        number
        for number, column in enumerate(table.columns)
        if number == 0 or column.kind is not Kind.TEXT
    ]
    rows = [[row[number].text for number in kept] for row in table.rows[:_ROWS]]
    titles = [table.columns[number].title for number in kept]
    widths = [max(len(text) for text in column) for column in zip(titles, *rows, strict=True)]
    bar = _BAR + 2 if table.bars else 0
    widths[0] = max(min(widths[0], WIDTH - 2 - bar - sum(width + 2 for width in widths[1:])), 8)
    yield _row(titles, widths, " " * bar)
    for number, row in enumerate(rows):
        yield _row(row, widths, f"  {_bar(table.bars[number])}" if table.bars else "")
    if len(table.rows) > _ROWS:
        yield f"  and {len(table.rows) - _ROWS:,} more in the HTML"


def _row(texts: list[str], widths: list[int], bar: str) -> str:
    first = f"{middle_cut(texts[0], widths[0]):<{widths[0]}}"
    rest = "".join(f"  {text:>{width}}" for text, width in zip(texts[1:], widths[1:], strict=True))
    return f"  {first}{bar}{rest}".rstrip()


def _bar(share: float) -> str:
    whole, rest = divmod(round(share * _BAR * 8), 8)
    text = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return f"{text:<{_BAR}}"


def _sparkline(table: Table) -> Iterator[str]:
    """What the picture of the HTML shows, in one line: a character is a span of equal length."""
    sums = [sum(cell.value or 0.0 for cell in row[1:]) for row in table.rows]
    group = -(-len(sums) // _SPARKLINE)
    heights = [sum(sums[start : start + group]) for start in range(0, len(sums), group)]
    top = max(heights, default=0.0) or 1.0
    drawn = "".join(
        " " if height == 0 else _SPARKS[min(int(height / top * len(_SPARKS)), len(_SPARKS) - 1)]
        for height in heights
    )
    if drawn:
        yield f"  {table.rows[0][0].text} {drawn} {table.rows[-1][0].text}"


def _slowest(report: Report) -> Iterator[str]:
    endings = report.figures.slowest
    if not endings:
        return
    yield from _title("Slowest requests")
    for ending in endings[:_NAMED]:
        target = " ".join(shown(part) for part in (ending.method, ending.path) if part is not None)
        yield cut(f"  {short(ending.seconds or 0.0):>9}  {shown(ending.id)}  {target}", WIDTH)
        yield cut(f"  {'':>9}  {in_brief(ending)}", WIDTH)
    yield ""


def _not_ok(report: Report) -> Iterator[str]:
    yield from _title("Not ok")
    failures = report.figures.failures
    if not len(failures):
        yield "  Nothing failed, and nothing is in doubt."
        yield ""
        return
    for status in (Status.UNSURE, Status.FAILED):
        groups = failures.groups(status)
        if not groups:
            continue
        yield from _wrapped(
            f"{plural(sum(group.count for group in groups), 'request')} {status}. "
            f"{what_to_do(status)}"
        )
        for group in groups[:_GROUPS]:
            yield from _group(group)
        if len(groups) > _GROUPS:
            yield f"  and {len(groups) - _GROUPS:,} more reasons in the HTML"
    yield "  To retry all that are not ok:"
    yield f"    {shown(retry(report.journal), _COMMAND)}"  # in one line, to be copied
    yield ""


def _group(group: Group) -> Iterator[str]:
    yield cut(f"  {group.count:>9,}  {group.reason.title}", WIDTH)
    if group.message:
        yield cut(f"  {'':>9}  {group.message}", WIDTH)
    ids = [shown(ending.id, 40) for ending in group.whole[:_NAMED]]
    more = f", and {group.count - len(ids):,} more" if group.count > len(ids) else ""
    yield cut(f"  {'':>9}  {', '.join(ids)}{more}", WIDTH)


def _without_result(report: Report) -> Iterator[str]:
    if not report.on_the_wire_count:
        return
    yield from _title("Without a result")
    yield from _wrapped(
        f"{plural(report.on_the_wire_count, 'request')} may have been sent and have no result."
    )
    for request in report.on_the_wire[:_NAMED]:
        target = f"{shown(request.method)} {shown(request.path)}"
        yield cut(f"  {'':>9}  {shown(request.id)}  {target}", WIDTH)
    yield ""


def _title(text: str) -> Iterator[str]:
    yield text
    yield "-" * len(text)


def _wrapped(text: str, hanging: int = 0) -> Iterator[str]:
    yield from textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="  " + " " * hanging
    )
