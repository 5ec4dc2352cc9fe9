"""A run full of secrets, with everything on that Holdfast can tell of it; then all of it is read.

`SINKS` is the table of everything that Holdfast tells: whoever adds a sink adds a row.
"""

import io
import json
import logging
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any

import httpx
import pytest
import sentry_sdk
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from planted import NAMED, PLANTS, Story
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from tracing import Spans

from holdfast import observe
from holdfast.observe.board import Board
from holdfast.observe.journal_source import JournalBoard
from holdfast.sandbox import Sandbox
from holdfast.testing import no_waiting

Read = Callable[[], str]


@contextmanager
def _logging(story: Story, form: str) -> Iterator[Read]:
    logger, written = logging.getLogger(f"planted.{form}"), io.StringIO()
    handler = logging.StreamHandler(written)
    # What a formatter makes of the fields beside the message.
    handler.setFormatter(_Everything())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    with observe.to_logging(logger, form=form) as logs:
        yield lambda: f"{logs.flush()} {written.getvalue()}"
    logger.removeHandler(handler)


class _Everything(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.getMessage()} {vars(record)}"


@contextmanager
def _structlog(story: Story) -> Iterator[Read]:
    written = structlog.testing.CapturingLogger()
    with observe.to_structlog(structlog.wrap_logger(written, processors=[])) as logs:
        yield lambda: f"{logs.flush()} {written.calls}"


class _Captured(Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.append(envelope.serialize())


@contextmanager
def _sentry(story: Story) -> Iterator[Read]:
    transport = _Captured()
    with sentry_sdk.isolation_scope(), sentry_sdk.new_scope(), observe.to_sentry():
        sentry_sdk.init(
            dsn="https://public@sentry.invalid/1",
            transport=transport,
            default_integrations=False,
            auto_enabling_integrations=False,
            # Else it cuts texts short, and secrets in them with these.
            max_value_length=1_000_000,
        )
        story.on_error.append(sentry_sdk.capture_exception)
        yield lambda: b"\n".join(transport.sent).decode()
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


@contextmanager
def _opentelemetry(story: Story) -> Iterator[Read]:
    made, reader = Spans(), InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    with observe.to_opentelemetry(made.provider, meters):
        yield (
            lambda: (
                f"{[span.to_json() for span in made.all]} "
                f"{(reader.get_metrics_data() or _nothing()).to_json()}"
            )
        )
    meters.shutdown()


def _nothing() -> Any:
    raise AssertionError("there are no metrics")


@contextmanager
def _prometheus(story: Story) -> Iterator[Read]:
    registry = CollectorRegistry()
    with observe.to_prometheus(registry):
        yield lambda: (generate_latest(registry) + openmetrics(registry)).decode()


@contextmanager
def _board(story: Story) -> Iterator[Read]:
    with Board() as board:
        yield lambda: f"{observe.flush()} {json.dumps(board.snapshot())}"


@contextmanager
def _page(story: Story) -> Iterator[Read]:
    with observe.serve() as page:
        yield lambda: httpx.get(f"{page.url}snapshot.json").text


@contextmanager
def _subscriber(story: Story) -> Iterator[Read]:
    seen: list[str] = []
    with observe.subscribe(lambda event: seen.append(repr(event))) as told:
        yield lambda: f"{told.flush()} {seen}"


@contextmanager
def _own_logs(story: Story) -> Iterator[Read]:
    """What Holdfast's own loggers say at the lowest level, with exceptions."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.getLogger("holdfast")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    with observe.subscribe(_fails):
        yield lambda: f"{observe.flush()} {written.getvalue()}"
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def _fails(event: object) -> None:
    raise RuntimeError("a subscriber that is broken")


@contextmanager
def _receipts(story: Story) -> Iterator[Read]:
    yield lambda: "\n".join(story.sentences)


@contextmanager
def _notes(story: Story) -> Iterator[Read]:
    yield lambda: "\n".join(story.notes)


@contextmanager
def _printed(story: Story) -> Iterator[Read]:
    yield lambda: "\n".join(story.printed)


def _file(name: str) -> Callable[[Story], AbstractContextManager[Read]]:
    @contextmanager
    def sink(story: Story) -> Iterator[Read]:
        yield lambda: (story.folder / name).read_text()

    return sink


def _command(*words: str) -> Callable[[Story], AbstractContextManager[Read]]:
    @contextmanager
    def sink(story: Story) -> Iterator[Read]:
        yield lambda: story.command(*words)

    return sink


@contextmanager
def _journal_board(story: Story, source: str) -> Iterator[Read]:
    def read() -> str:
        with closing(JournalBoard(story.folder / source)) as board:
            return json.dumps(board.snapshot())

    yield read


@contextmanager
def _report(story: Story, source: str) -> Iterator[Read]:
    """On the terminal, as a page, as a table and as JSON."""

    def read() -> str:
        files = {"--out": "report.html", "--csv": "report.csv", "--json": "report.json"}
        for file in files.values():
            (story.folder / file).unlink(missing_ok=True)
        told = story.command("report", source, *(word for pair in files.items() for word in pair))
        return told + "".join((story.folder / file).read_text() for file in files.values())

    yield read


@contextmanager
def _doctor(story: Story) -> Iterator[Read]:
    code = "import stripe\n" + "".join(
        f"stripe.api_key = {plant.text!r}\n" for plant in PLANTS.values()
    )
    (story.folder / "app.py").write_text(f"{code}stripe.Customer.create(idempotency_key='x')\n")
    yield lambda: story.command("doctor", "app.py") + story.command("doctor", "app.py", "--json")


@contextmanager
def _doctor_probe(story: Story) -> Iterator[Read]:
    yield lambda: story.command("doctor", "--api-base", story.box.url)


@contextmanager
def _sandbox(story: Story) -> Iterator[Read]:
    """The sandbox's own page; it keeps what belongs to persons, who are nobody."""
    yield lambda: json.dumps(story.box.requests())


RESULTS = "holdfast-run/results.jsonl"
JOURNAL = "holdfast-run/journal.sqlite"

SINKS: dict[str, Callable[[Story], AbstractContextManager[Read]]] = {
    "logging, text": lambda story: _logging(story, "text"),
    "logging, JSON": lambda story: _logging(story, "json"),
    "structlog": _structlog,
    "Sentry": _sentry,
    "OpenTelemetry": _opentelemetry,
    "Prometheus": _prometheus,
    "the board": _board,
    "the live page": _page,
    "a subscriber": _subscriber,
    "Holdfast's own loggers": _own_logs,
    "receipts": _receipts,
    "notes of exceptions": _notes,
    "what commands print": _printed,
    "results of a run": _file(RESULTS),
    "results of a retry": _file("holdfast-run/retry-1.jsonl"),
    "the board of a run": lambda story: _journal_board(story, JOURNAL),
    "the board of named requests": lambda story: _journal_board(story, NAMED),
    "report of a journal": lambda story: _report(story, JOURNAL),
    "report of named requests": lambda story: _report(story, NAMED),
    "report of results": lambda story: _report(story, RESULTS),
    "doctor": _doctor,
    "doctor --api-base": _doctor_probe,
    "the sandbox's requests": _sandbox,
}

# What is known to be in each sink: a sink that told nothing would pass everything.
EVIDENCE = {
    **dict.fromkeys(SINKS, "/v1/customers"),
    "OpenTelemetry": "holdfast.calls",
    "Prometheus": "holdfast_calls_total",
    "Holdfast's own loggers": "a subscriber that is broken",
    "doctor": "app.py",
    "doctor --api-base": "API version",
    "what commands print": "requests done",
}

# Where personal data stays, since it is nobody's.
PERSONAL = ("email", "name", "phone", "street", "tax id", "identity number")
KEPT = {"the sandbox's requests": PERSONAL}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Story, dict[str, str]]]:
    """The story, and what every sink had of it."""
    with ExitStack() as stack:
        stack.enter_context(no_waiting())
        box = stack.enter_context(Sandbox(hold=0.0, lock_wait=0.05))
        story = Story(tmp_path_factory.mktemp("planted"), box)
        readers = {name: stack.enter_context(sink(story)) for name, sink in SINKS.items()}
        story.tell()
        yield story, {name: read() for name, read in readers.items()}


def leaks(text: str) -> set[str]:
    """The secrets that are in a text, also as JSON or a URL would have them."""
    return {
        name
        for name, plant in PLANTS.items()
        for needle in plant.needles
        if any(form in text for form in _forms(needle))
    }


def _forms(needle: str) -> set[str]:
    return {
        needle,
        json.dumps(needle)[1:-1],
        needle.replace(" ", "+"),
        needle.replace(" ", "%20"),
        needle.replace(" ", "-"),
    }


@pytest.mark.parametrize("sink", SINKS)
def test_no_secret_is_told(told: tuple[Story, dict[str, str]], sink: str) -> None:
    text = told[1][sink]
    assert EVIDENCE[sink] in text
    assert leaks(text) - set(KEPT.get(sink, ())) == set()


def test_every_secret_was_there_to_be_told(told: tuple[Story, dict[str, str]]) -> None:
    """The canary: what the program itself had, and the journal, have all of them."""
    story, _ = told
    assert leaks("\n".join(story.raised)) >= set(PLANTS) - {"api key"}
    journal = story.folder / JOURNAL
    assert leaks(journal.read_bytes().decode("latin-1")) >= set(PLANTS) - {"api key"}
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert leaks(f"Bearer {PLANTS['api key'].text}") == {"api key"}


@pytest.mark.parametrize("plant", PLANTS)
def test_the_search_finds_what_a_sink_lets_through(plant: str) -> None:
    for text in (PLANTS[plant].text, json.dumps({"x": [PLANTS[plant].text]})):
        assert plant in leaks(f"... {text} ...")
