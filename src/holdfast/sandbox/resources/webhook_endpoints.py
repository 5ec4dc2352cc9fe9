"""Webhook endpoints: where events are delivered to.

The secret of an endpoint follows from its id, which nobody can guess, so that no object, file or
log holds it. It is shown once, in the answer to its creation.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from holdfast.sandbox.resources.objects import discard, save
from holdfast.sandbox.resources.operations import Resource, crud, delete_operation
from holdfast.sandbox.resources.params import (
    BOOLEAN,
    LIST,
    TEXT,
    Field,
    elements,
    flag,
    invalid,
    text,
)
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject

EVERYTHING = "*"
_EVENT = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_INITIAL: Mapping[str, Any] = {
    "api_version": None,
    "application": None,
    "description": None,
    "enabled_events": [EVERYTHING],
    "status": "enabled",
}


def secret_of(endpoint: str) -> str:
    """Return the signing secret of the endpoint with an id."""
    return "whsec_" + sha256(f"signing secret of {endpoint}".encode()).hexdigest()[:32]


def problem_of_url(url: str) -> str | None:
    """Return what is wrong with an endpoint's URL; None when nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "give one such as http://127.0.0.1:8000/webhooks"
    if parts.username is not None:
        return "it must not hold credentials"
    if not url.isascii() or any(character.isspace() for character in url):
        return "it has characters that are to be percent-encoded"
    return None


def is_event_type(name: str) -> bool:
    """Whether a text has the form of an event's type, or stands for all types."""
    return name == EVERYTHING or _EVENT.fullmatch(name) is not None


def _check_url(value: Any, param: str) -> None:
    problem = problem_of_url(text(value, param))
    if problem is not None:
        raise invalid(f"Invalid URL: {problem}", param, "url_invalid")


def _check_events(value: Any, param: str) -> None:
    named = elements(value, param)
    if not named:
        raise invalid("Name at least one event, or * for all.", param)
    for index, element in enumerate(named):
        name = f"{param}[{index}]"
        if not is_event_type(text(element, name)):
            raise invalid(f"{element} is no event type.", name)


def _create(request: Request, draft: JsonObject) -> JsonObject:
    if flag(request.params, "connect"):
        draft["connect"] = True
    save(request.tx, "create", draft)
    return {**draft, "secret": secret_of(draft["id"])}


def _update(request: Request, _old: JsonObject, new: JsonObject) -> JsonObject:
    if "disabled" in request.params:
        new["status"] = "disabled" if flag(request.params, "disabled") else "enabled"
    return save(request.tx, "update", new)


def _delete(request: Request) -> JsonObject:
    return discard(request.tx, RESOURCE.of(request))


RESOURCE = Resource(
    kind="webhook_endpoint",
    plural="webhook_endpoints",
    prefix="we",
    initial=_INITIAL,
    fields={
        "description": TEXT,
        "enabled_events": Field(_check_events, LIST.read),
        "url": Field(_check_url, TEXT.read),
    },
    at_creation={"api_version": TEXT},
    create_extra={"connect": BOOLEAN},
    update_extra={"disabled": BOOLEAN},
    required=("enabled_events", "url"),
    create=_create,
    update=_update,
)

OPERATIONS: tuple[Operation, ...] = (*crud(RESOURCE), delete_operation(RESOURCE, _delete))
