"""The plugin of pytest: fixtures `stripe_sandbox` and `stripe_client`, markers for trouble.

Every project that has Holdfast installed loads this module with pytest, so it imports nothing but
pytest; the sandbox and `stripe` are imported when a test asks for them.
"""

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import stripe

    from holdfast.integrations.stripe_sandbox import StripeSandbox
    from holdfast.policy import Policy

_SANDBOX = pytest.StashKey["StripeSandbox"]()
_COMPLAINT = pytest.StashKey[str]()
_MARKERS = {
    "stripe_faults": "(method, path, fault, count=1, ...): what the next requests to the test's "
    "sandbox are to suffer; the arguments are those of Sandbox.fault",
    "stripe_locks": "(lock_wait=..., hold=...): how the test's sandbox locks, in seconds; as the "
    "options of Sandbox",
}
_OPTIONS = (
    ("lock_wait", "how long a write to stripe_sandbox waits for a lock, such as 100ms"),
    ("hold", "how long a write to stripe_sandbox holds its locks, such as 20ms"),
    ("requests", "how many of the last requests and receipts a failed test shows (default: 10)"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, for the configuration file and for the command line."""
    group = parser.getgroup("stripe_sandbox", "the sandbox of Holdfast")
    for name, about in _OPTIONS:
        group.addoption(f"--stripe-sandbox-{name.replace('_', '-')}", metavar="VALUE", help=about)
        parser.addini(f"stripe_sandbox_{name}", about, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, and see that the options are good before any test runs."""
    for name, about in _MARKERS.items():
        config.addinivalue_line("markers", name + about)
    if any(_given(config, name) is not None for name, _ in _OPTIONS):
        from holdfast.integrations import pytest_options

        pytest_options.read(_all_given(config))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """See that the markers of the tests that are about to run are good."""
    marked = [one for one in items if any(map(one.get_closest_marker, _MARKERS))]
    if not marked:
        return
    from holdfast.integrations import pytest_markers

    complaints = pytest_markers.complaints(marked)
    if complaints and not hasattr(config, "workerinput"):
        raise pytest.UsageError("\n".join(complaints.values()))
    # In a worker of pytest-xdist this would come out as a failure of xdist: let the tests say it.
    for item, complaint in complaints.items():
        item.stash[_COMPLAINT] = complaint


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a test that has a bad marker."""
    complaint = item.stash.get(_COMPLAINT, None)
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)


@pytest.fixture
def stripe_sandbox_options() -> Mapping[str, object]:
    """Options of `Sandbox` for `stripe_sandbox`, such as `seed`; override it to give some."""
    return {}


@pytest.fixture
def stripe_sandbox(
    request: pytest.FixtureRequest, stripe_sandbox_options: Mapping[str, object]
) -> Iterator["StripeSandbox"]:
    """A sandbox of the test's own: it serves on a free port of this machine until the test ends."""
    from holdfast.integrations import pytest_markers, pytest_options
    from holdfast.integrations.stripe_sandbox import StripeSandbox

    item: pytest.Item = request.node
    settings = pytest_options.read(_all_given(request.config))
    options = {
        **settings.sandbox,
        **stripe_sandbox_options,
        **pytest_markers.lock_options(item),
    }
    with StripeSandbox(**options) as sandbox:
        item.stash[_SANDBOX] = sandbox
        pytest_markers.script_faults(item, sandbox)
        yield sandbox


@pytest.fixture
def stripe_policy() -> "Policy | None":
    """The `holdfast.Policy` of `stripe_client`; override it to give one."""
    return None


@pytest.fixture
def stripe_client(
    stripe_sandbox: "StripeSandbox", stripe_policy: "Policy | None"
) -> "stripe.StripeClient":
    """A `stripe.StripeClient` whose requests hold fast, pointed at the test's sandbox."""
    return stripe_sandbox.holdfast_client(stripe_policy)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the sandbox saw of it."""
    report = yield
    sandbox = item.stash.get(_SANDBOX, None)
    if sandbox is None:
        return report
    if report.failed:
        from holdfast.integrations import pytest_options, pytest_report

        settings = pytest_options.read(_all_given(item.config))
        report.sections.extend(pytest_report.sections(sandbox, settings.requests))
    if call.when == "teardown":
        del item.stash[_SANDBOX]
    return report


def _given(config: pytest.Config, name: str) -> str | None:
    """What was given for an option: on the command line, else in the configuration file."""
    given: str | None = config.getoption(f"stripe_sandbox_{name}")
    return config.getini(f"stripe_sandbox_{name}") if given is None else given


def _all_given(config: pytest.Config) -> dict[str, Any]:
    return {name: _given(config, name) for name, _ in _OPTIONS}
