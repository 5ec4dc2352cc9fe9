"""The report as plain values for a program: what `--json` writes."""

from collections.abc import Iterator
from typing import Any

from holdfast._version import __version__
from holdfast.batch.conclusion import Status
from holdfast.report.advice import how_to_reconcile, retry
from holdfast.report.ending import Ending
from holdfast.report.failures import Group
from holdfast.report.figures import CAUSES, Figures
from holdfast.report.histogram import Histogram
from holdfast.report.reading import Report
from holdfast.report.sections import HOTTEST
from holdfast.report.series import Series
from holdfast.report.sources import About
from holdfast.report.texts import shown
from holdfast.report.verdict import verdict


def as_dict(report: Report) -> dict[str, Any]:
    """The report as values that `json.dumps` takes; times in unix seconds, durations in seconds.

    Args:
        report: what it tells.
    """
    figures = report.figures
    return {
        "holdfast": __version__,
        "verdict": verdict(report),
        "sources": [_about(about) for about in report.sources],
        "requests": {
            "total": report.total,
            "ended": figures.done,
            "left": report.left,
            **{status.value: figures.statuses[status] for status in Status},
            "replaced": report.replaced,
        },
        "began_at": figures.began_at,
        "ended_at": figures.ended_at,
        "seconds": report.seconds,
        "attempts": figures.attempts,
        "faults": dict(figures.faults.most_common()),
        "time": _times(figures),
        "ended_over_time": _series(figures.ended),
        "retries": dict(figures.retries.most_common()),
        "retries_over_time": _series(figures.retried),
        "durations": {
            "request": _percentiles(figures.durations),
            "attempt": _percentiles(figures.exchanges),
            "lane": _percentiles(figures.lane_waits),
        },
        "hottest": [
            {
                "object": shown(hot.key),
                "requests": hot.requests,
                "wait": _percentiles(hot.waits),
                "locked": hot.locked,
                "retries": hot.retries,
            }
            for hot in figures.heat.hottest(HOTTEST)
        ],
        "slowest": [_ending(ending) for ending in figures.slowest],
        "not_ok": [_group(group, report) for group in figures.failures],
        "without_result": {
            "count": report.on_the_wire_count,
            "first": [
                {
                    "id": shown(request.id),
                    "method": shown(request.method),
                    "path": shown(request.path),
                    "begun_at": request.begun_at,
                }
                for request in report.on_the_wire
            ],
        },
    }


def _about(about: About) -> dict[str, Any]:
    return {
        "path": shown(str(about.path)),
        "kind": about.kind,
        "target": None if about.target is None else shown(about.target),
        "file_sha256": None if about.file is None else shown(about.file),
        "total": about.total,
        "ended": about.ended,
        "left": about.left,
        "seconds": about.seconds,
        "live": about.live,
        "torn": about.torn,
        "strange_lines": about.strange,
    }


def _times(figures: Figures) -> dict[str, Any]:
    times = figures.times
    if not times.known:
        return {"requests": 0, "unknown": figures.done, **_rounded(times.waits_alone)}
    parts = {cause: times.waits[cause] for cause in CAUSES}
    parts |= {"server": times.server, "other": times.other, "whole": times.whole}
    return {"requests": times.known, "unknown": figures.done - times.known, **_rounded(parts)}


def _series(series: Series) -> dict[str, Any]:
    buckets = list(series.buckets())
    return {
        "began_at": series.began_at if buckets else None,
        "width": series.width,
        "counts": {kind: [counts.get(kind, 0) for _, counts in buckets] for kind in series.kinds},
    }


def _percentiles(of: Histogram) -> dict[str, Any]:
    values = {
        "mean": of.mean,
        "p50": of.percentile(0.5),
        "p90": of.percentile(0.9),
        "p99": of.percentile(0.99),
        "max": of.longest,
    }
    return {"count": of.count, **_rounded(values)}


def _group(group: Group, report: Report) -> dict[str, Any]:
    reason = group.reason
    return {
        "status": reason.status.value,
        "stop_reason": reason.stop,
        "fault": reason.fault,
        "http_status": reason.http_status,
        "error": reason.error,
        "message": group.message,
        "count": group.count,
        "requests": list(_not_ok(group, report)),
        "unlisted": group.unlisted,
    }


def _not_ok(group: Group, report: Report) -> Iterator[dict[str, Any]]:
    for ending in group.whole:
        told = _ending(ending)
        told["retry"] = retry(report.journal, ending.id)
        if ending.status is Status.UNSURE:
            told["reconcile"] = list(how_to_reconcile(ending, report.made_at))
        yield told
    for one in group.listed:
        yield {"id": one.id, "request_id": one.request_id or None, "target": one.target}


def _ending(ending: Ending) -> dict[str, Any]:
    texts = {
        "id": ending.id,
        "method": ending.method,
        "path": ending.path,
        "request_id": ending.request_id,
        "message": ending.message,
        "reason": ending.reason,
    }
    told: dict[str, Any] = {
        name: None if text is None else shown(text) for name, text in texts.items()
    }
    told["status"] = ending.status.value
    told["began_at"] = ending.began_at
    told["seconds"] = ending.seconds
    told["waits"] = {cause: ending.waits[cause] for cause in CAUSES if cause in ending.waits}
    told["exchanges"] = (
        None
        if ending.exchanges is None
        else [
            {
                "at": exchange.at,
                "seconds": exchange.seconds,
                "fault": exchange.fault,
                "status": exchange.status,
                "request_id": None if exchange.request_id is None else shown(exchange.request_id),
                "error_code": None if exchange.error_code is None else shown(exchange.error_code),
                "replayed": exchange.replayed,
            }
            for exchange in ending.exchanges
        ]
    )
    return told


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds, 6) for name, seconds in values.items()}
