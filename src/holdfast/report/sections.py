"""Figures -> the sections of a report, in their order; the HTML and the terminal show the same."""

from collections.abc import Iterator, Sequence

from holdfast._version import __version__
from holdfast.batch.conclusion import Status
from holdfast.durations import format_duration
from holdfast.engine import FaultClass
from holdfast.report.figures import CAUSES, Figures
from holdfast.report.histogram import Histogram
from holdfast.report.outline import Cell, Column, Kind, Section, Table, clock, count, moment
from holdfast.report.reading import Report
from holdfast.report.series import Series
from holdfast.report.sources import About
from holdfast.report.texts import plural, shown
from holdfast.report.verdict import verdict
from holdfast.report.words import FAULTS, PARTS, rate, share, short

HOTTEST = 20

_OLDER = "their lines were written by a version that did not note it"


def sections(report: Report) -> tuple[Section, ...]:
    """The sections that are figures: all but the requests one by one."""
    figures = report.figures
    return (
        _ran(report),
        _time(figures),
        _ended(figures),
        _retries(figures),
        _durations(figures),
        _hottest(figures),
    )


def _ran(report: Report) -> Section:
    figures = report.figures
    facts = [fact for about in report.sources for fact in _source(about)]
    total = report.total
    of = "" if total is None else f" of {total:,}"
    facts.append(
        (
            "Requests",
            f"{figures.done:,}{of} ended: "
            + ", ".join(f"{figures.statuses[status]:,} {status}" for status in Status),
        )
    )
    if report.left:
        facts.append(("Left", _left(report)))
    if figures.began_at is not None and figures.ended_at is not None:
        facts.append(("When", f"{moment(figures.began_at)} to {moment(figures.ended_at)}"))
    seconds = report.seconds
    if seconds is None:
        facts.append(("Took", "unknown"))
    else:
        facts.append(("Took", format_duration(seconds)))
        facts.append(("Speed", f"{rate(figures.done, seconds)} requests/s"))
    facts.append(("Attempts", _attempts(figures)))
    facts.append(("Made by", f"Holdfast {__version__}"))
    return Section("ran", "What ran", verdict(report), facts, notes=tuple(_source_notes(report)))


def _source(about: About) -> Iterator[tuple[str, str]]:
    yield about.kind.capitalize(), shown(str(about.path))
    if about.retry_of is not None:
        yield "Retry of", shown(about.retry_of)
    if about.target is not None:
        yield "Target", shown(about.target)
    if about.file is not None:
        yield "File of requests", f"SHA-256 {shown(about.file)}"


def _source_notes(report: Report) -> Iterator[str]:
    for about in report.sources:
        name = shown(str(about.path))
        if about.torn:
            yield f"The last line of {name} is cut off and was passed over."
        if about.strange:
            yield (
                f"{plural(about.strange, 'line')} of {name} cannot be read as results and were "
                f"passed over; the first is line {about.first_strange:,}."
            )
    given = {about.path.resolve() for about in report.sources}
    missing = [
        path for about in report.sources for path in about.retries if path.resolve() not in given
    ]
    if missing:
        yield (
            f"{plural(len(missing), 'retry', 'retries')} of this run "
            f"{'is' if len(missing) == 1 else 'are'} not in this report: give "
            f"{', '.join(shown(str(path)) for path in missing)} too, after the run."
        )
    if report.replaced:
        yield (
            f"Of {plural(report.replaced, 'request')} an earlier result gave way to a later one."
        )
    if report.left is None:
        yield (
            "A file of results does not tell how many requests there were, nor what is left: "
            "the journal does."
        )


def _left(report: Report) -> str:
    left = f"{report.left:,}"
    if not report.on_the_wire_count:
        return f"{left}, none of them sent yet"
    return f"{left}, of which {report.on_the_wire_count:,} may have been on the wire"


def _attempts(figures: Figures) -> str:
    a_request = figures.attempts / figures.done if figures.done else 0.0
    retries = plural(figures.retries.total(), "retry", "retries")
    return f"{figures.attempts:,}, {a_request:.3f} a request, {retries}"


def _time(figures: Figures) -> Section:
    times = figures.times
    title = "Where time went"
    if not figures.done:
        return Section("time", title, "Nothing has ended yet.")
    notes = []
    if times.known:
        parts = {cause: times.waits[cause] for cause in CAUSES}
        parts |= {"server": times.server, "other": times.other}
        number, whole = times.known, times.whole
        longest = max(parts, key=lambda part: parts[part])
        lead = (
            f"A request took {short(whole / number)} on average, {share(parts[longest], whole)} of "
            f"it {PARTS[longest][1]}."
            if whole
            else "The requests took no time that could be measured."
        )
        if number < figures.done:
            notes.append(
                f"Of {plural(figures.done - number, 'request')} the time at the server is "
                f"unknown, and they are left out here: {_OLDER}."
            )
    else:
        parts = dict(times.waits_alone)
        number, whole = figures.done, sum(parts.values())
        lead = f"The time at the server is unknown; a request waited {short(whole / number)}."
        notes.append(f"Nobody knows how long the requests took as a whole: {_OLDER}.")
    rows = [
        (
            Cell(PARTS[part][0]),
            Cell(short(seconds), seconds),
            Cell(short(seconds / number), seconds / number),
            Cell(share(seconds, whole), seconds),
            Cell(PARTS[part][1]),
        )
        for part, seconds in parts.items()
    ]
    table = Table(
        f"Time of {plural(number, 'request')}, by what it went to",
        (
            Column("part", Kind.TEXT),
            Column("all together"),
            Column("per request"),
            Column("share"),
            Column("what it is", Kind.TEXT),
        ),
        rows,
        bars=_lengths(list(parts.values()), whole),
        kinds=tuple(parts),
    )
    return Section("time", title, lead, tables=(table,), notes=notes)


def _ended(figures: Figures) -> Section:
    title = "Requests over time"
    series = figures.ended
    if not len(series):
        return Section("ended", title, _no_times(figures))
    _, most = _busiest(series)
    lead = (
        f"At most {rate(most, series.width)} requests a second ended, in buckets of "
        f"{short(series.width)}."
    )
    order = [status.value for status in Status if status.value in series.kinds]
    table = _over_time(series, order, "Requests that ended")
    notes = []
    if figures.timed < figures.done:
        notes.append(
            f"Of {plural(figures.done - figures.timed, 'request')} it is unknown when they ended: "
            f"{_OLDER}."
        )
    return Section("ended", title, lead, tables=(table,), notes=notes)


def _retries(figures: Figures) -> Section:
    title = "Retries"
    if not figures.retries:
        return Section("retries", title, _no_retries(figures))
    total = figures.retries.total()
    fault, number = figures.retries.most_common(1)[0]
    lead = (
        f"{plural(total, 'attempt')} followed a failed one, {share(number, total)} of them after "
        f"{fault}: {FAULTS[fault]}."
    )
    rows = [
        (
            Cell(name),
            count(retried),
            Cell(share(retried, total), retried),
            count(figures.faults[name]),
            Cell(FAULTS[name]),
        )
        for name, retried in figures.retries.most_common()
    ]
    table = Table(
        "Retries by the fault class of the attempt before",
        (
            Column("fault class", Kind.CODE),
            Column("retries"),
            Column("share"),
            Column("attempts in all"),
            Column("what it means", Kind.TEXT),
        ),
        rows,
        bars=_lengths([retried for _, retried in figures.retries.most_common()], number),
        kinds=[name for name, _ in figures.retries.most_common()],
    )
    tables = [table]
    notes = []
    if len(figures.retried):
        tables.append(_over_time(figures.retried, figures.retried.kinds, "Retries"))
    if figures.retried_count < total:
        notes.append(
            f"Of {plural(total - figures.retried_count, 'retry', 'retries')} it is unknown when "
            f"they were: {_OLDER}."
        )
    return Section("retries", title, lead, tables=tuple(tables), notes=notes)


def _no_retries(figures: Figures) -> str:
    if not figures.done:
        return "Nothing has ended yet."
    refused = set(figures.faults) - {FaultClass.OK}
    return (
        "No retries: none of what was refused may be sent again."
        if refused
        else "No retries: nothing was refused."
    )


def _durations(figures: Figures) -> Section:
    title = "How long requests took"
    if not figures.durations.count:
        return Section("durations", title, _no_times(figures))
    whole = figures.durations
    lead = (
        f"Half of the requests took {short(whole.percentile(0.5))} or less, 99 % took "
        f"{short(whole.percentile(0.99))} or less."
    )
    rows = [
        _percentiles("a whole request", whole),
        _percentiles("one attempt", figures.exchanges),
        _percentiles("the wait in lanes", figures.lane_waits),
    ]
    table = Table(
        "Percentiles, each within 1 %",
        (
            Column("of", Kind.TEXT),
            Column("how many"),
            Column("mean"),
            Column("p50"),
            Column("p90"),
            Column("p99"),
            Column("max"),
        ),
        rows,
    )
    return Section("durations", title, lead, tables=(table,))


def _percentiles(name: str, of: Histogram) -> tuple[Cell, ...]:
    values = (of.mean, *(of.percentile(share) for share in (0.5, 0.9, 0.99)), of.longest)
    return (Cell(name), count(of.count), *(Cell(short(value), value) for value in values))


def _hottest(figures: Figures) -> Section:
    title = "Hottest objects"
    heat = figures.heat
    hottest = heat.hottest(HOTTEST)
    if not hottest:
        if figures.done and heat.unknown:
            return Section("objects", title, f"Nobody knows what the requests touched: {_OLDER}.")
        return Section("objects", title, "No request touched an object.")
    first = hottest[0]
    lead = (
        f"{shown(first.key)}: {plural(first.requests, 'request')} waited "
        f"{short(first.waits.total)} for it together."
        if first.waits.total >= 5e-4
        else "No request waited for another on the same object."
    )
    rows = [
        (
            Cell(shown(hot.key)),
            count(hot.requests),
            Cell(short(hot.waits.percentile(0.5)), hot.waits.percentile(0.5)),
            Cell(short(hot.waits.longest), hot.waits.longest),
            Cell(short(hot.waits.total), hot.waits.total),
            count(hot.locked),
            count(hot.retries),
        )
        for hot in hottest
    ]
    table = Table(
        "Objects on which requests waited longest, each request counted for all that it touches; "
        "locked are its lock timeouts",
        (
            Column("object", Kind.CODE),
            Column("requests"),
            Column("wait p50"),
            Column("wait max"),
            Column("waited"),
            Column("locked"),
            Column("retries"),
        ),
        rows,
        bars=_lengths([hot.waits.total for hot in hottest], first.waits.total),
    )
    notes = []
    if heat.forgot:
        notes.append(
            "There were more objects than are remembered at once: figures of the colder ones may "
            "be too low."
        )
    if heat.unknown:
        notes.append(f"Of {plural(heat.unknown, 'request')} the objects are unknown: {_OLDER}.")
    return Section("objects", title, lead, tables=(table,), notes=notes)


def _over_time(series: Series, kinds: Sequence[str], what: str) -> Table:
    rows = [
        (Cell(clock(at, series.width), at), *(count(counts.get(kind, 0)) for kind in kinds))
        for at, counts in series.buckets()
    ]
    return Table(
        f"{what}, in buckets of {short(series.width)} from the time on (UTC)",
        (Column("from", Kind.CODE), *(Column(kind) for kind in kinds)),
        rows,
        bars=_lengths([sum(counts.values()) for _, counts in series.buckets()], 0.0),
        folded=True,
    )


def _busiest(series: Series) -> tuple[float, int]:
    return max(
        ((at, sum(counts.values())) for at, counts in series.buckets()), key=lambda one: one[1]
    )


def _no_times(figures: Figures) -> str:
    return f"Times are unknown: {_OLDER}." if figures.done else "Nothing has ended yet."


def _lengths(values: Sequence[float], whole: float) -> list[float]:
    """Lengths of bars; the largest value is the whole if that is 0."""
    whole = whole or max(values, default=0.0) or 1.0
    return [min(value / whole, 1.0) for value in values]
