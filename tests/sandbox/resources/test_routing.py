"""Finding the operation of a request."""

import pytest

from holdfast.sandbox.resources import Operation, Params, Routes


def operation(name: str, method: str, template: str) -> Operation:
    return Operation(name, method, template, Params(), lambda _request: {}, writes=False)


ROUTES = Routes(
    [
        operation("list", "GET", "/v1/things"),
        operation("create", "POST", "/v1/things"),
        operation("retrieve", "GET", "/v1/things/{thing}"),
        operation("search", "GET", "/v1/things/search"),
        operation("part", "GET", "/v1/things/{thing}/parts/{part}"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "name", "ids"),
    [
        ("GET", "/v1/things", "list", {}),
        ("POST", "/v1/things", "create", {}),
        ("GET", "/v1/things/t_1", "retrieve", {"thing": "t_1"}),
        ("GET", "/v1/things/search", "search", {}),
        ("GET", "/v1/things/t_1/parts/p_2", "part", {"thing": "t_1", "part": "p_2"}),
        ("GET", "/v1/things/t%2F1", "retrieve", {"thing": "t/1"}),
    ],
)
def test_match(method: str, path: str, name: str, ids: dict[str, str]) -> None:
    match = ROUTES.match(method, path)
    assert match is not None
    assert (match.operation.name, match.ids) == (name, ids)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/things"),
        ("GET", "/v1"),
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/v1/things/"),
        ("GET", "/v1/things/t_1/parts"),
        ("GET", "/v1/things/t_1/parts/"),
        ("GET", "/v1/things/t_1/parts/p_2/more"),
        ("GET", "/v2/things"),
        ("get", "/v1/things"),
    ],
)
def test_no_match(method: str, path: str) -> None:
    assert ROUTES.match(method, path) is None


def test_two_operations_with_one_path_are_refused() -> None:
    with pytest.raises(ValueError, match="POST /v1/things is there twice"):
        Routes([operation("a", "POST", "/v1/things"), operation("b", "POST", "/v1/things")])
