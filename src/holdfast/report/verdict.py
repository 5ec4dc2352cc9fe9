"""The run in a sentence: is it done, did all of it land, and may money be in doubt?"""

from holdfast.batch.conclusion import Status
from holdfast.report.reading import Report
from holdfast.report.texts import plural


def verdict(report: Report) -> str:
    """What became of the run, for somebody who reads one sentence only."""
    return " ".join((_landed(report), *_doubts(report), *_left(report)))


def _landed(report: Report) -> str:
    figures = report.figures
    ok, done = figures.statuses[Status.OK], figures.done
    if not done:
        return "No request has ended yet."
    if ok == done == report.total:
        return "Every request landed." if done > 1 else "The request landed."
    if ok == done:
        return f"All {done:,} requests that ended landed." if done > 1 else "One request landed."
    return f"{ok:,} of {plural(done, 'request')} landed."


def _doubts(report: Report) -> list[str]:
    unsure = report.figures.statuses[Status.UNSURE]
    failed = report.figures.statuses[Status.FAILED]
    said = []
    if unsure:
        said.append(f"{unsure:,} may have happened or not: find out before sending anew.")
    if failed:
        said.append(f"{failed:,} failed, and nothing happened for them.")
    return said


def _left(report: Report) -> list[str]:
    if not report.left:
        return []
    if report.live:
        return [f"The run is going on: {report.left:,} are left."]
    goes_on = "the command that began it goes on where it stopped"
    return [f"The run is not done: {report.left:,} are left; {goes_on}."]
