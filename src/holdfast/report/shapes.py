"""Pictures in SVG: rectangles in a frame that stretches to the width there is.

The words around them are HTML, so that they keep their size on a phone. Each picture has a title
and a description; what it shows also stands in a table.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from holdfast.report.markup import Markup, element, joined

_HEIGHT = 100.0
_GAP = 0.14  # of a column's width


def columns(
    name: str,
    title: str,
    description: str,
    values: Sequence[Mapping[str, float]],
    kinds: Sequence[str],
    top: float,
    tips: Sequence[str],
) -> Markup:
    """Stacked columns.

    Args:
        name: tells it from the other pictures of the page.
        title: what it shows.
        description: what there is to see in it.
        values: for each column its parts by kind.
        kinds: the kinds, the lowest first; the colours are called so.
        top: the value at the upper edge.
        tips: for each column what is told of it under the pointer.
    """
    drawn = [
        element("g", element("title", tip), _stack(number, parts, kinds, top))
        for number, (parts, tip) in enumerate(zip(values, tips, strict=True))
        if any(parts.values())
    ]
    grid = [_line(0, y, max(len(values), 1), y, "grid") for y in (0.0, _HEIGHT / 2)]
    return _frame(name, title, description, max(len(values), 1), (*grid, *drawn))


def strip(
    name: str,
    title: str,
    description: str,
    parts: Iterable[tuple[str, float, float, str]],
    whole: float,
) -> Markup:
    """Rectangles one behind another in a single row.

    Args:
        name: tells it from the other pictures of the page.
        title: what it shows.
        description: what there is to see in it.
        parts: colour, where it begins, how long it is, and what is told of it.
        whole: what the row's width stands for.
    """
    scale = 1000 / whole if whole > 0 else 0.0
    drawn = [
        element(
            "g", element("title", tip), _rect(at * scale, 0, max(length * scale, 1.5), 100, kind)
        )
        for kind, at, length, tip in parts
        if length > 0
    ]
    return _frame(name, title, description, 1000, drawn)


def marks(shares: Iterable[float], width: float) -> list[Markup]:
    """Upright lines over a picture, at shares of its width."""
    return [_line(share * width, 0, share * width, _HEIGHT, "mark") for share in shares]


def small_bar(share: float, kind: str) -> Markup:
    """A bar in a cell of a table. What it shows stands beside it."""
    return element(
        "svg",
        _rect(0, 0, 100, 8, "track"),
        _rect(0, 0, 100 * share, 8, kind) if share > 0 else "",
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def nice(value: float) -> float:
    """The next number at or above a value that is round, and whose half is, too."""
    power = 1.0
    while power < value:
        power *= 10
    while power / 10 >= value > 0:
        power /= 10
    fitting = [
        power * part for part in (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0) if power * part >= value
    ]
    return min(fitting, default=power)


def steps(low: float, high: float, number: int) -> list[float]:
    """Values at equal distances, both ends included."""
    return [low + (high - low) * step / (number - 1) for step in range(number)]


def _stack(
    number: int, parts: Mapping[str, float], kinds: Sequence[str], top: float
) -> Iterable[Markup]:
    heights = [0.0]
    for kind in kinds:
        heights.append(heights[-1] + parts.get(kind, 0.0) * _HEIGHT / top)
    for kind, (low, high) in zip(kinds, pairwise(heights), strict=True):
        if high > low:
            yield _rect(number + _GAP / 2, _HEIGHT - high, 1 - _GAP, high - low, kind)


def _rect(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return Markup(
        f'<rect class="k-{kind.replace(" ", "-")}" x="{x:.6g}" y="{y:.4g}" width="{width:.5g}" '
        f'height="{height:.4g}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return element("line", class_=class_, x1=x1, y1=y1, x2=x2, y2=y2)


def _frame(
    name: str, title: str, description: str, width: float, content: Iterable[Markup]
) -> Markup:
    return element(
        "svg",
        element("title", title, id=f"picture-{name}-title"),
        element("desc", description, id=f"picture-{name}-desc"),
        joined(content),
        viewBox=f"0 0 {width:g} {_HEIGHT:g}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby=f"picture-{name}-title",
        aria_describedby=f"picture-{name}-desc",
    )
