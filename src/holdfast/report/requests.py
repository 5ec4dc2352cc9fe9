"""The requests one by one: the slowest, those that are not ok, those without a result."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from holdfast.batch.conclusion import Status
from holdfast.report.advice import how_to_reconcile, retry, what_to_do
from holdfast.report.ending import Ending
from holdfast.report.failures import Group, Listed, brief
from holdfast.report.markup import Markup, element, escaped, joined
from holdfast.report.outline import moment
from holdfast.report.pictures import span_kind, span_text, waterfall
from holdfast.report.reading import Report
from holdfast.report.sources import About
from holdfast.report.texts import plural, shown
from holdfast.report.timeline import spans
from holdfast.report.words import short, why

_SPANS = 30


def slowest(report: Report) -> Markup:
    """The slowest requests, each with its timeline."""
    endings = report.figures.slowest
    if not endings:
        return element("p", "Nobody knows how long the requests took.", class_="empty")
    return element(
        "ol",
        (
            element("li", element("h3", _name(ending)), _timeline(ending, f"slow-{number}"))
            for number, ending in enumerate(endings, 1)
        ),
        class_="slowest",
    )


def open_requests(report: Report) -> Markup:
    """The writes without a result that may have been sent; empty if there are none."""
    if not report.on_the_wire_count:
        return Markup()
    rows = [
        element(
            "li",
            element("code", shown(request.id)),
            f" {shown(request.method)} {shown(request.path)}, first about to be sent at "
            f"{moment(request.begun_at)}",
        )
        for request in report.on_the_wire
    ]
    more = report.on_the_wire_count - len(rows)
    if more:
        rows.append(element("li", f"and {more:,} more"))
    return element("ul", rows, class_="plain")


def not_ok(report: Report) -> Markup:
    """Every request that is not ok, grouped by reason, within a bound of bytes."""
    groups = list(report.figures.failures)
    if not groups:
        return Markup()
    writing = _Writing(report, groups)
    return joined(
        element("p", "To retry all of them: ", _command(report.journal)),
        (
            _part(status, [group for group in groups if group.reason.status is status], writing)
            for status in (Status.UNSURE, Status.FAILED)
        ),
    )


# 3 MB hold the figures and pictures, these, and the names of the elements around them.
_BYTES_WHOLE = 1_000_000
_BYTES_LISTED = 1_500_000
_FEW = 10
_COMMAND = 4000


class _Writing:
    """Writes groups, so that each has its share of the bytes there are.

    Args:
        report: whose they are.
        groups: all that will be written.
    """

    def __init__(self, report: Report, groups: Sequence[Group]) -> None:
        self._journal = report.journal
        self._made_at = report.made_at
        self._groups = len(groups)
        self._requests = sum(group.count for group in groups)
        self._opened = self._requests <= _FEW
        self._whole = _BYTES_WHOLE
        self._listed = _BYTES_LISTED
        self._number = 0

    def group(self, group: Group) -> Markup:
        """A group."""
        opened = self._opened
        whole = list(self._whole_ones(group, self._whole // self._groups))
        rest = [brief(ending) for ending in group.whole[len(whole) :]] + group.listed
        lines = self._lines(rest, self._listed * group.count // self._requests)
        self._groups -= 1
        self._requests -= group.count
        return element(
            "details",
            element("summary", element("h4", group.reason.title), _how_many(group)),
            element("p", f"Why: {why(group.reason.stop)}."),
            _message(group),
            whole,
            self._listing(group, rest, lines),
            class_="group",
            open=opened,
        )

    def _whole_ones(self, group: Group, most: int) -> Iterator[Markup]:
        for ending in group.whole:
            self._number += 1
            one = self._one(ending)
            size = len(one.encode())
            if size > most:
                return
            most -= size
            self._whole -= size
            yield one

    def _one(self, ending: Ending) -> Markup:
        """A request that is not ok, with all there is to know."""
        facts: list[tuple[str, Markup | str]] = []
        if ending.request_id is not None:
            facts.append(("Request id", element("code", shown(ending.request_id))))
        if ending.began_at is not None:
            facts.append(("Taken up", moment(ending.began_at)))
        if ending.message is not None:
            facts.append(("Error", shown(ending.message)))
        if ending.reason is not None:
            facts.append(("Reason", shown(ending.reason)))
        if ending.status is Status.UNSURE:
            steps = (element("li", step) for step in how_to_reconcile(ending, self._made_at))
            facts.append(("To reconcile", element("ol", steps, class_="plain")))
        facts.append(("To retry", _command(self._journal, ending.id)))
        return element(
            "details",
            element("summary", _name(ending)),
            element("dl", (joined(element("dt", n), element("dd", v)) for n, v in facts)),
            _timeline(ending, f"one-{self._number}"),
            class_="one",
            open=self._opened,
        )

    def _lines(self, rest: list[Listed], most: int) -> list[str]:
        """The others, a line each: with as much of each as the bytes allow, ids before all."""
        for form in _FORMS:
            lines = [form(one) for one in rest]
            if _size(lines) <= most:
                break
        else:
            lines = _that_fit([one.id for one in rest], most)
        self._listed -= _size(lines)
        return lines

    def _listing(self, group: Group, rest: list[Listed], lines: list[str]) -> Markup:
        missing = group.unlisted + len(rest) - len(lines)
        if not lines and not missing:
            return Markup()
        more = (
            f" {missing:,} more are not listed here: --csv FILE writes every one."
            if missing
            else ""
        )
        return element(
            "details",
            element("summary", f"{plural(len(lines), 'more request')}, a line each"),
            element("p", f"Retry one with {retry(self._journal, 'ID')}.{more}"),
            element(
                "pre",
                "\n".join(lines),
                tabindex="0",
                role="region",
                aria_label=f"More requests: {group.reason.title}",
            ),
            class_="more",
        )


# From the most told of a request to the least.
_FORMS: tuple[Callable[[Listed], str], ...] = (
    lambda one: f"{one.id}  {one.request_id or '-'}  {one.target}  {one.timeline}",
    lambda one: f"{one.id}  {one.request_id or '-'}  {one.target}",
    lambda one: f"{one.id}  {one.request_id or '-'}",
    lambda one: one.id,
)


def _size(lines: Iterable[str]) -> int:
    return sum(len(escaped(line).encode()) + 1 for line in lines)


def _that_fit(lines: list[str], most: int) -> list[str]:
    kept = []
    for line in lines:
        most -= _size((line,))
        if most < 0:
            break
        kept.append(line)
    return kept


def _part(status: Status, groups: list[Group], writing: _Writing) -> Markup:
    if not groups:
        return Markup()
    number = sum(group.count for group in groups)
    title = "Unsure: may have happened" if status is Status.UNSURE else "Failed"
    return joined(
        element("h3", f"{title} ({number:,})"),
        element("p", what_to_do(status)),
        map(writing.group, groups),
    )


def _name(ending: Ending) -> Markup:
    target = " ".join(shown(part) for part in (ending.method, ending.path) if part is not None)
    took = "" if ending.seconds is None else short(ending.seconds)
    return joined(
        element("code", shown(ending.id)),
        f" {target} ",
        element(
            "span", f"{ending.status}, {plural(len(ending.faults), 'attempt')}", class_="quiet"
        ),
        element("span", f" {took}", class_="took"),
    )


def _timeline(ending: Ending, name: str) -> Markup:
    parts = spans(ending)
    if not parts:
        faults = ", ".join(ending.faults)
        what = f"Attempts: {faults}. When they were is unknown." if faults else "It was never sent."
        return element("p", what, class_="empty")
    rows = [
        element(
            "li",
            element("span", short(part.at), class_="at"),
            element("i", class_=f"dot k-{span_kind(part)}"),
            element("span", span_text(part)),
            element("code", shown(part.exchange.request_id))
            if part.exchange is not None and part.exchange.request_id is not None
            else "",
        )
        for part in parts[:_SPANS]
    ]
    if len(parts) > _SPANS:
        rows.append(element("li", f"and {len(parts) - _SPANS:,} more"))
    return joined(waterfall(ending, name), element("ol", rows, class_="timeline"))


def _how_many(group: Group) -> Markup:
    return element("span", plural(group.count, "request"), class_="quiet")


def _message(group: Group) -> Markup:
    if not group.message:
        return Markup()
    told = "The error says" if group.count == 1 else "The first one's error says"
    return element("p", f"{told}: ", element("q", group.message))


def _command(journal: About | None, *ids: str) -> Markup:
    return element("code", shown(retry(journal, *ids), _COMMAND), class_="command")
