"""The page's routes."""

import json
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from holdfast.engine import FaultClass
from holdfast.engine.receipt import STOP_REASONS
from holdfast.observe.page.door import WINDOW, Admission, Door
from holdfast.observe.page.feed import Feed, Stream
from holdfast.observe.page.files import NAMES, file_answer
from holdfast.observe.page.security import Guard

_WORDS = {"faults": list(FaultClass), "stops": {**STOP_REASONS}}

_REFUSALS = {
    Admission.UNKNOWN: (401, "give the token, as the header Authorization: Bearer TOKEN"),
    Admission.REFUSED: (401, "this is not the token"),
    Admission.TOO_OFTEN: (429, "too many wrong tokens came from here: try again in a minute"),
}
_REFUSAL_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": f"{WINDOW:.0f}"}}

_Answer = Response | Stream
_Handler = Callable[[Request], Awaitable[_Answer]]


def application(feed: Feed, door: Door, *, loopback_only: bool) -> ASGIApp:
    """The page as an application.

    Args:
        feed: what it shows.
        door: who may see it.
        loopback_only: whether it refuses every `Host` that does not name this machine.
    """

    def guarded(handler: _Handler) -> _Handler:
        async def answer(request: Request) -> _Answer:
            return _refusal(door.admission(request)) or await handler(request)

        return answer

    async def page(request: Request) -> Response:
        admission = door.admission(request)
        if admission is Admission.ADMITTED:
            return file_answer("index.html")
        return file_answer("login.html", _REFUSALS[admission][0])

    async def file(request: Request) -> Response:
        name: str = request.path_params["name"]
        if name not in NAMES:
            return JSONResponse({"error": "the page has no such file"}, 404)
        return file_answer(name)

    async def session(request: Request) -> Response:
        cookie = door.cookie(request)
        return Response(None, 204, {"Set-Cookie": cookie} if cookie else None)

    async def words(_: Request) -> Response:
        return JSONResponse(_WORDS)

    async def snapshot(_: Request) -> Response:
        frame = await feed.fresh()
        status = 200 if frame.kind == "snapshot" else 503
        return Response(frame.body, status, media_type="application/json")

    async def events(_: Request) -> _Answer:
        if feed.is_full:
            sentence = "too many pages look at once: ask for snapshot.json instead"
            return JSONResponse({"error": sentence}, 503, {"Retry-After": "5"})
        return Stream(feed)

    async def nothing(request: Request, _: Exception) -> Response:
        return JSONResponse({"error": f"there is no {json.dumps(request.url.path)} here"}, 404)

    open_to_all = {"/": page, "/page/{name}": file}
    for_the_admitted: dict[str, _Handler] = {
        "/session": session,
        "/words.json": words,
        "/snapshot.json": snapshot,
        "/events": events,
    }
    routes = [Route(path, handler) for path, handler in open_to_all.items()]
    routes += [Route(path, guarded(handler)) for path, handler in for_the_admitted.items()]
    starlette = Starlette(routes=routes, exception_handlers={404: nothing})
    return Guard(starlette, loopback_only=loopback_only)


def _refusal(admission: Admission) -> Response | None:
    if admission is Admission.ADMITTED:
        return None
    status, sentence = _REFUSALS[admission]
    return JSONResponse({"error": sentence}, status, _REFUSAL_HEADERS[status])
