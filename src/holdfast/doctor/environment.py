"""What is installed and set where the doctor runs."""

import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import metadata
from urllib.parse import urlsplit

from holdfast.doctor import rules
from holdfast.doctor.catalogue import CHECKS
from holdfast.doctor.finding import Finding, Severity
from holdfast.doctor.secrets import KEY_VARIABLE, kind_of

SUBJECT = "environment"
SUPPORTED = (16, 16)  # the major versions of `stripe` that the drop-in is made for
_OLDEST_PYTHON = (3, 11)
_NEEDED = ("urllib3", "httpx2")
_OURS = ("holdfast", "stripe", "urllib3", "httpx2", "pycurl")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def inspect_environment(variables: Mapping[str, str] | None = None) -> list[Finding]:
    """Look at the Python, the packages and the variables of this process.

    Args:
        variables: the environment's variables; by default those of the process.
    """
    variables = os.environ if variables is None else variables
    versions = installed(_OURS)
    return [
        _python(),
        *_stripe(versions),
        *_transports(versions),
        *_several(versions),
        *_api_key(variables),
        *_proxy(variables),
    ]


def installed(names: tuple[str, ...]) -> dict[str, list[str]]:
    """The versions of some packages on the path, each with the one that is imported first."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in metadata.distributions():
        name = (one.metadata["Name"] or "").lower()
        if name in names and one.version not in found[name]:
            found[name].append(one.version)
    return dict(found)


def _python() -> Finding:
    check = CHECKS["python-version"]
    version = platform.python_version()
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return check.is_ok(SUBJECT, f"Python {version}.")
    return check.at(SUBJECT, f"Python {version} is too old.", "Install Python 3.11 or newer.")


def _stripe(versions: Mapping[str, list[str]]) -> Iterator[Finding]:
    check = CHECKS["stripe-version"]
    oldest, newest = SUPPORTED
    if not versions.get("stripe"):
        yield check.at(
            SUBJECT,
            "The package stripe is not installed here.",
            "pip install 'holdfast[stripe]', or run the doctor in your application's environment.",
            why="The drop-in needs it; reading code does not.",
            severity=Severity.ADVICE,
        )
        return
    version = versions["stripe"][0]
    major = version.partition(".")[0]
    if major.isdigit() and oldest <= int(major) <= newest:
        yield check.is_ok(SUBJECT, f"stripe {version}.")
    else:
        yield check.at(
            SUBJECT,
            f"stripe {version} is outside of the range {oldest}.x that the drop-in supports.",
            f"pip install 'stripe>={oldest},<{newest + 1}'.",
        )


def _transports(versions: Mapping[str, list[str]]) -> Iterator[Finding]:
    if not versions.get("stripe"):
        return
    check = CHECKS["transport-libraries"]
    missing = [name for name in _NEEDED if not versions.get(name)]
    if missing:
        yield check.at(
            SUBJECT,
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed.",
            "pip install 'holdfast[stripe]'.",
        )
    if not versions.get("pycurl"):
        yield check.at(
            SUBJECT,
            "pycurl is not installed.",
            "pip install 'holdfast[stripe]' (not on Windows, where there is no wheel).",
            severity=Severity.ADVICE,
        )
    elif not missing:
        shown = ", ".join(f"{name} {versions[name][0]}" for name in (*_NEEDED, "pycurl"))
        yield check.is_ok(SUBJECT, f"{shown}.")


def _several(versions: Mapping[str, list[str]]) -> Iterator[Finding]:
    for name, found in versions.items():
        if len(found) > 1:
            yield CHECKS["several-versions"].at(
                SUBJECT,
                f"{name} is installed in {len(found)} versions: {', '.join(found)}; "
                f"{found[0]} is imported.",
                f"Uninstall until one is left: pip uninstall {name}, then install it again.",
            )


def _api_key(variables: Mapping[str, str]) -> Iterator[Finding]:
    key = variables.get(KEY_VARIABLE)
    if not key:
        return
    kind = kind_of(key)
    wrong = rules.key_type(SUBJECT, key)
    if wrong is not None:
        yield wrong
    elif kind is None:
        yield CHECKS["wrong-key-type"].at(
            SUBJECT,
            f"{KEY_VARIABLE} begins like none of Stripe's keys.",
            "A secret key begins with sk_live_ or sk_test_, a restricted one with rk_.",
            severity=Severity.WARNING,
        )
    elif key != key.strip():
        yield CHECKS["wrong-key-type"].at(
            SUBJECT,
            f"{KEY_VARIABLE} ends or begins with a space or a line's end.",
            "Take it away: Stripe refuses the key with it.",
            why="The request cannot be sent, or is refused with HTTP 401.",
        )
    elif kind.live:
        yield CHECKS["api-key"].at(
            SUBJECT,
            f"{KEY_VARIABLE} is {kind.what}: what runs here moves real money.",
            "For development and tests, set a sk_test_ key, or use `holdfast sandbox`.",
        )
    else:
        yield CHECKS["api-key"].is_ok(SUBJECT, f"{KEY_VARIABLE} is {kind.what}.")


def _proxy(variables: Mapping[str, str]) -> Iterator[Finding]:
    for name in _PROXIES:
        value = variables.get(name) or variables.get(name.lower())
        if value:
            yield CHECKS["proxy"].at(
                SUBJECT,
                f"{name} sends requests through {_host(value)}.",
                "See what it does to them with holdfast doctor --api-base "
                "https://api.stripe.com, or take api.stripe.com out: "
                "NO_PROXY=api.stripe.com.",
            )


def _host(url: str) -> str:
    """The host and port of a proxy's URL: it may have a password in it."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "a proxy whose address is not one"
    return f"{parts.hostname or 'a proxy'}{port}"
