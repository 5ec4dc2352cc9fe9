"""The pictures of the sections, each with its words around it."""

from collections.abc import Callable, Sequence

from holdfast.batch.conclusion import Status
from holdfast.report.ending import Ending
from holdfast.report.figures import CAUSES, Figures
from holdfast.report.histogram import Histogram
from holdfast.report.markup import Markup, element, joined
from holdfast.report.outline import clock
from holdfast.report.series import Series
from holdfast.report.shapes import columns, nice, steps, strip
from holdfast.report.texts import plural
from holdfast.report.timeline import Span, spans
from holdfast.report.words import PARTS, rate, share, short

_COLUMNS = 60
_TICKS = 5


def picture(anchor: str, figures: Figures) -> Markup:
    """The picture of a section; empty if it has none, or nothing to show."""
    draw = _PICTURES.get(anchor)
    return Markup() if draw is None else draw(figures)


def waterfall(ending: Ending, name: str) -> Markup:
    """How one request went, as a row of its waits and attempts; empty if nobody knows.

    Args:
        ending: the request.
        name: tells it from the other pictures of the page.
    """
    parts = spans(ending)
    if not parts or not ending.seconds:
        return Markup()
    drawn = strip(
        name,
        f"Timeline over {short(ending.seconds)}",
        ", then ".join(span_text(part) for part in parts[:_TOLD]) + ".",
        [(_colour(part), part.at, part.seconds, span_text(part)) for part in parts],
        ending.seconds,
    )
    return element("div", drawn, class_="strip thin")


_TOLD = 12


def span_text(span: Span) -> str:
    """A wait or an attempt in words."""
    return f"{span.name}, {short(span.seconds)}"


def span_kind(span: Span) -> str:
    """The colour of a wait or an attempt."""
    return _colour(span).replace(" ", "-")


def _colour(span: Span) -> str:
    if span.exchange is not None:
        return span.exchange.fault
    return str(span.waited)


def _time(figures: Figures) -> Markup:
    times = figures.times
    if not times.known or times.whole <= 0:
        return Markup()
    lengths = {cause: times.waits[cause] for cause in CAUSES}
    lengths |= {"server": times.server, "other": times.other}
    parts, at = [], 0.0
    whole = sum(lengths.values())
    for part, seconds in lengths.items():
        tip = f"{PARTS[part][0]}: {share(seconds, whole)}"
        parts.append((part, at, seconds, tip))
        at += seconds
    drawn = strip(
        "time",
        "Where time went",
        ", ".join(tip for _, _, _, tip in parts) + ".",
        parts,
        whole,
    )
    return _figure(element("div", drawn, class_="strip"), [(p, PARTS[p][0]) for p in lengths])


def _ended(figures: Figures) -> Markup:
    order = [status.value for status in Status]
    return _over_time("ended", "Requests that ended, per second", figures.ended, order)


def _retries(figures: Figures) -> Markup:
    return _over_time(
        "retries", "Retries per second, by fault class", figures.retried, figures.retried.kinds
    )


def _over_time(name: str, title: str, series: Series, order: Sequence[str]) -> Markup:
    if not len(series):
        return Markup()
    kinds = [kind for kind in order if kind in series.kinds]
    buckets = list(series.buckets())
    values = [
        {kind: count / series.width for kind, count in counts.items()} for _, counts in buckets
    ]
    most = max(sum(parts.values()) for parts in values)
    top = nice(most)
    tips = [
        f"{clock(at, series.width)}: "
        + ", ".join(f"{counts[k]:,} {k}" for k in kinds if k in counts)
        for at, counts in buckets
    ]
    description = (
        f"{plural(len(buckets), 'column')} of {short(series.width)} each; the highest is "
        f"{rate(most, 1)} a second. The table below has the numbers."
    )
    drawn = columns(name, title, description, values, kinds, top, tips)
    ends = steps(series.began_at, series.began_at + len(buckets) * series.width, _TICKS)
    labels = [clock(at, series.width) for at in ends]
    upright = [f"{rate(top, 1)}/s", f"{rate(top / 2, 1)}/s", "0"]
    return _figure(_plot(drawn, upright, labels), [(kind, kind) for kind in kinds])


def _durations(figures: Figures) -> Markup:
    whole = figures.durations
    shape = list(whole.columns(_COLUMNS))
    if not shape:
        return Markup()
    top = nice(max(number for _, _, number in shape))
    drawn = columns(
        "durations",
        "How many requests took how long",
        _percentile_sentence(whole),
        [{"whole": number} for _, _, number in shape],
        ["whole"],
        top,
        [f"{short(low)} to {short(high)}: {plural(n, 'request')}" for low, high, n in shape],
    )
    edges = [low for low, _, _ in shape] + [shape[-1][1]]
    labels = [short(edges[round(at)]) for at in steps(0, len(edges) - 1, _TICKS)]
    upright = [f"{top:,.0f}", f"{top / 2:,.0f}" if top > 1 else "", "0"]
    return _figure(_plot(drawn, upright, labels), [("whole", "requests, on a logarithmic scale")])


def _percentile_sentence(of: Histogram) -> str:
    return (
        f"p50 {short(of.percentile(0.5))}, p90 {short(of.percentile(0.9))}, "
        f"p99 {short(of.percentile(0.99))}, max {short(of.longest)}."
    )


def _plot(drawn: Markup, upright: Sequence[str], labels: Sequence[str]) -> Markup:
    """A picture with its scales. The scales are for the eye; the words have it all."""
    return element(
        "div",
        element(
            "div", *(element("span", text) for text in upright), class_="y", aria_hidden="true"
        ),
        element("div", drawn, class_="canvas"),
        element("div", *(element("span", text) for text in labels), class_="x", aria_hidden="true"),
        class_="plot",
    )


def _figure(drawn: Markup, legend: Sequence[tuple[str, str]]) -> Markup:
    entries = joined(
        element("span", element("i", class_=f"dot k-{kind.replace(' ', '-')}"), text)
        for kind, text in legend
    )
    return element("figure", drawn, element("figcaption", entries, class_="legend"))


_PICTURES: dict[str, Callable[[Figures], Markup]] = {
    "time": _time,
    "ended": _ended,
    "retries": _retries,
    "durations": _durations,
}
