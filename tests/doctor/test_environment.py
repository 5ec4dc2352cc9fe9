"""The environment: versions, libraries, the key's type, proxies."""

import sys
from pathlib import Path

import pytest
from madeup import SECRET

from holdfast.doctor import environment
from holdfast.doctor.environment import inspect_environment


def of(check: str, variables: dict[str, str]) -> list[tuple[str, str]]:
    found = inspect_environment(variables)
    return [(str(one.severity), one.message) for one in found if one.check == check]


def test_here_all_is_well() -> None:
    found = inspect_environment({})
    assert {str(one.severity) for one in found} == {"ok"}
    told = " ".join(one.message for one in found)
    for word in ("Python 3.", "stripe 16.", "urllib3 ", "httpx2 ", "pycurl "):
        assert word in told


@pytest.mark.parametrize(
    ("key", "check", "severity", "words"),
    [
        (f"sk_test_{SECRET}", "api-key", "ok", "is a test secret key"),
        (f"rk_test_{SECRET}", "api-key", "ok", "is a test restricted key"),
        (f"sk_live_{SECRET}", "api-key", "advice", "is a live secret key"),
        (f"rk_live_{SECRET}", "api-key", "advice", "is a live restricted key"),
        (f"pk_live_{SECRET}", "wrong-key-type", "error", "is a live publishable key"),
        (f"whsec_{SECRET}", "wrong-key-type", "error", "is a webhook's secret"),
        (SECRET, "wrong-key-type", "warning", "begins like none"),
        (f"sk_test_{SECRET}\n", "wrong-key-type", "error", "a space or a line's end"),
    ],
)
def test_the_type_of_the_key_is_told_and_the_key_never_shown(
    key: str, check: str, severity: str, words: str
) -> None:
    [(told, message)] = of(check, {"STRIPE_API_KEY": key})
    assert told == severity
    assert words in message
    assert SECRET not in str(
        [one.as_dict() for one in inspect_environment({"STRIPE_API_KEY": key})]
    )


def test_a_proxy_is_told_without_its_password() -> None:
    variables = {
        "HTTPS_PROXY": "http://user:hunter2@proxy.example.com:3128",
        "http_proxy": "old:80",
    }
    told = of("proxy", variables)
    assert [severity for severity, _ in told] == ["advice", "advice"]
    assert "proxy.example.com:3128" in told[0][1]
    assert "old:80" in told[1][1]
    assert "hunter2" not in str(told)


def test_a_proxy_that_is_no_address_is_no_crash() -> None:
    [(_, message)] = of("proxy", {"ALL_PROXY": "http://[::1"})
    assert "whose address is not one" in message


def distribution(folder: Path, name: str, version: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_several_versions_of_a_package_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, "stripe", "12.1.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    [(severity, message)] = of("several-versions", {})
    assert severity == "warning"
    assert "stripe is installed in 2 versions: 12.1.0, 16." in message
    [(severity, message)] = of("stripe-version", {})
    assert (severity, message.split(" is ")[0]) == ("error", "stripe 12.1.0")


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, "stripe", "16.1.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    told = of("transport-libraries", {})
    assert [severity for severity, _ in told] == ["warning", "advice"]
    assert told[0][1] == "urllib3 and httpx2 are not installed."
    monkeypatch.setattr(sys, "path", [str(tmp_path / "empty")])
    assert of("stripe-version", {}) == [("advice", "The package stripe is not installed here.")]
    assert of("transport-libraries", {}) == []


def test_the_range_is_that_of_the_package() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    oldest, newest = environment.SUPPORTED
    assert f'"stripe>={oldest}.0,<{newest + 1}"' in project
