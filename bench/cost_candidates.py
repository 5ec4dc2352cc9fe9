"""The HTTP clients that a transport could be made of, each sending one customer's creation.

Each is used as its own documentation recommends for many small requests to one server: connections
kept alive, nothing decoded that need not be.
"""

import io
import uuid
from collections.abc import Callable
from importlib import import_module
from typing import Any

PATH = "/v1/customers"
BODY = "name=Ada+Lovelace&email=ada%40example.com"


def _headers() -> dict[str, str]:
    """What the SDK sends, with a key of its own for each request."""
    return {
        "X-Stripe-Client-User-Agent": "x" * 250,
        "User-Agent": "Stripe/v1 PythonBindings",
        "Authorization": "Bearer sk_test_cost",
        "Idempotency-Key": str(uuid.uuid4()),
        "Content-Type": "application/x-www-form-urlencoded",
        "Stripe-Version": "2025-03-31.basil",
    }


def _urllib3(url: str) -> Callable[[], Any]:
    pool = import_module("urllib3").connection_from_url(url)
    return lambda: pool.urlopen("POST", PATH, body=BODY, headers=_headers(), retries=False).data


def _requests(url: str) -> Callable[[], Any]:
    session = import_module("requests").Session()
    return lambda: session.post(url + PATH, data=BODY, headers=_headers()).content


def _pycurl(url: str) -> Callable[[], Any]:
    pycurl = import_module("pycurl")
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url + PATH)
    curl.setopt(pycurl.NOSIGNAL, 1)

    def call() -> bytes:
        body = io.BytesIO()
        headers: list[bytes] = []
        curl.setopt(pycurl.POSTFIELDS, BODY)
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in _headers().items()])
        curl.setopt(pycurl.HEADERFUNCTION, headers.append)
        curl.setopt(pycurl.WRITEFUNCTION, body.write)
        curl.perform()
        return body.getvalue()

    return call


def _pyreqwest(url: str) -> Callable[[], Any]:
    client = import_module("pyreqwest.client").SyncClientBuilder().build()

    def call() -> Any:
        request = client.post(url + PATH).headers(_headers()).body_text(BODY).build()
        return request.send().bytes()

    return call


def _httpx2(url: str) -> Callable[[], Any]:
    client = import_module("httpx2").Client()
    return lambda: client.post(url + PATH, content=BODY, headers=_headers()).content


def _httpx2_async(url: str) -> Callable[[], Any]:
    client = import_module("httpx2").AsyncClient()

    async def call() -> Any:
        return (await client.post(url + PATH, content=BODY, headers=_headers())).content

    return call


def _aiohttp_async(url: str) -> Callable[[], Any]:
    session = import_module("aiohttp").ClientSession()

    async def call() -> Any:
        async with session.post(url + PATH, data=BODY, headers=_headers()) as answer:
            return await answer.read()

    return call


def _pyreqwest_async(url: str) -> Callable[[], Any]:
    client = import_module("pyreqwest.client").ClientBuilder().build()

    async def call() -> Any:
        request = client.post(url + PATH).headers(_headers()).body_text(BODY).build()
        answer = await request.send()
        return await answer.bytes()

    return call


def _pycurl_async(url: str) -> Callable[[], Any]:
    pycurl = import_module("pycurl")
    multi = pycurl.AsyncCurlMulti()
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url + PATH)
    curl.setopt(pycurl.NOSIGNAL, 1)

    async def call() -> bytes:
        body = io.BytesIO()
        headers: list[bytes] = []
        curl.setopt(pycurl.POSTFIELDS, BODY)
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in _headers().items()])
        curl.setopt(pycurl.HEADERFUNCTION, headers.append)
        curl.setopt(pycurl.WRITEFUNCTION, body.write)
        await multi.perform(curl)
        return body.getvalue()

    return call


CANDIDATES: dict[tuple[str, str], Callable[[str], Callable[[], Any]]] = {
    ("urllib3", "sync"): _urllib3,
    ("requests", "sync"): _requests,
    ("httpx2", "sync"): _httpx2,
    ("pycurl", "sync"): _pycurl,
    ("pyreqwest", "sync"): _pyreqwest,
    ("httpx2", "async"): _httpx2_async,
    ("aiohttp", "async"): _aiohttp_async,
    ("pycurl", "async"): _pycurl_async,
    ("pyreqwest", "async"): _pyreqwest_async,
}
