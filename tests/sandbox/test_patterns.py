"""Patterns of methods and paths."""

import pytest

from holdfast.sandbox.patterns import EndpointPattern, PathPattern


@pytest.mark.parametrize(
    ("pattern", "path", "meets"),
    [
        ("/v1/refunds", "/v1/refunds", True),
        ("/v1/refunds", "/v1/refunds/re_1", False),
        ("/v1/refunds/re_1", "/v1/refunds", False),
        ("/v1/customers/*", "/v1/customers/cus_1", True),
        ("/v1/customers/{customer}", "/v1/customers/cus_1", True),
        ("/v1/customers/{customer}", "/v1/customers/cus_1/cards", False),
        ("/v1/*/search", "/v1/customers/search", True),
        ("/v1/*/search", "/v1/customers/cus_1", False),
        ("/v1/files/**", "/v1/files", True),
        ("/v1/files/**", "/v1/files/file_1/contents", True),
        ("/v1/files/**", "/v1/file_links", False),
        ("/**", "/v1/anything", True),
    ],
)
def test_a_pattern_meets_paths(pattern: str, path: str, meets: bool) -> None:
    assert PathPattern.read(pattern).meets(path) is meets


@pytest.mark.parametrize(
    ("pattern", "template", "meets"),
    [
        ("/v1/customers/{id}", "/v1/customers/{customer}", True),
        ("/v1/customers/{id}", "/v1/customers/search", False),
        ("/v1/customers/*", "/v1/customers/search", True),
        ("/v1/customers/*", "/v1/customers/{customer}", True),
        ("/v1/customers/search", "/v1/customers/{customer}", False),
        ("/v1/intents/{intent}/**", "/v1/intents/{intent}/confirm", True),
    ],
)
def test_against_a_template_a_name_means_a_name(pattern: str, template: str, meets: bool) -> None:
    assert PathPattern.read(pattern).meets_template(template) is meets


def test_the_names_of_a_pattern_are_read_from_a_path() -> None:
    pattern = PathPattern.read("/v1/customers/{customer}/cards/{card}/**")
    assert pattern.names("/v1/customers/cus_1/cards/card_1/x") == {
        "customer": "cus_1",
        "card": "card_1",
    }


def test_an_endpoint_has_a_method() -> None:
    endpoint = EndpointPattern.read("POST /v1/refunds")
    assert endpoint.meets_template("POST", "/v1/refunds")
    assert not endpoint.meets_template("GET", "/v1/refunds")
    assert EndpointPattern.read("* /v1/refunds").meets_template("DELETE", "/v1/refunds")
    assert str(endpoint) == "POST /v1/refunds"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/v1/refunds", "'/v1/refunds' is no endpoint: write METHOD and path"),
        ("PUT /v1/refunds", "is no endpoint"),
        ("POST refunds", "path is 'refunds': give a path"),
        ("POST /v1/refunds?a=b", "without query"),
        ("POST /v1/**/a", "at the end"),
    ],
)
def test_another_form_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError) as refused:
        EndpointPattern.read(text)
    assert says in str(refused.value)
