"""Reading HTTP/1.1 requests from a connection, and writing answers.

The rules are those of RFC 9112. What it lets a server refuse is refused, above all a request whose
end two readers could see at two places.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from http import HTTPStatus

HEADER_LIMIT = 32 * 1024
BODY_LIMIT = 8 * 1024 * 1024

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FIRST = re.compile(rb"[A-Za-z]|\r\Z")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(r"[0-9]{1,16}")
_LINE_LIMIT = 4096
_LONGEST_NAME = 256
_END = b"\r\n\r\n"


class BadRequest(Exception):
    """The bytes are no request this server reads. The connection cannot go on.

    Args:
        status: the HTTP status to answer with.
        sentence: what is wrong.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(slots=True)
class HttpRequest:
    """One request. Header names are in lower case; the path keeps its percent signs."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    body: bytes = b""


class Ending(Enum):
    """What becomes of the connection, and of the answer, other than being sent."""

    SENT = "sent"
    RESET = "reset"
    CLOSED = "closed"
    TRUNCATED = "truncated"
    HANGING = "hanging"
    SLOW = "slow"


UNANSWERED = frozenset({Ending.RESET, Ending.CLOSED, Ending.HANGING})
"""Endings with which the client gets no status."""


@dataclass(slots=True)
class Answer:
    """One answer.

    Attributes:
        status: the HTTP status.
        body: the bytes.
        headers: every header but the content's type and length and the connection's.
        content_type: the type of the body.
        ending: how the connection ends, when a fault is to spoil the answer.
        seconds: how long a slow answer takes, or how long one hangs; 0 hangs for ever.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    ending: Ending = Ending.SENT
    seconds: float = 0.0


class RequestReader:
    """Turns the bytes of one connection into requests, one after the other."""

    __slots__ = ("_asked", "_buffer", "_chunks", "_length", "_request", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._request: HttpRequest | None = None
        self._length = 0
        self._chunks: _Chunks | None = None
        self._asked = False

    def __len__(self) -> int:
        """How many bytes of requests are in memory."""
        return len(self._buffer) + (0 if self._chunks is None else len(self._chunks.body))

    def has_begun(self) -> bool:
        """Whether a part of the next request is there."""
        return self._request is not None or bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._buffer += data

    def next(self) -> HttpRequest | None:
        """Return the next request, or None while it is not all there.

        Raises:
            BadRequest: the bytes are no request.
        """
        if self._request is None and not self._read_head():
            return None
        request = self._request
        if request is None or not self._read_body(request):
            return None
        self._request = None
        self._chunks = None
        self._asked = False
        return request

    def asks_to_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body. True once."""
        request = self._request
        if request is None or self._asked:
            return False
        self._asked = True
        return request.headers.get("expect", "").lower() == "100-continue"

    def _read_head(self) -> bool:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112 2.2: empty lines before a request
            del buffer[:2]
            self._searched = 0
        if buffer and not _FIRST.match(buffer):
            raise BadRequest(400, "This is no HTTP request. Does the client speak https?")
        end = buffer.find(_END, max(0, self._searched - 3))
        if end < 0 and len(buffer) <= HEADER_LIMIT:
            self._searched = len(buffer)
            return False
        if not 0 <= end <= HEADER_LIMIT:
            raise BadRequest(431, f"The request's headers are longer than {HEADER_LIMIT} bytes.")
        head = buffer[:end].decode("latin-1")
        del buffer[: end + len(_END)]
        self._searched = 0
        self._request = _parse_head(head)
        self._frame(self._request)
        return True

    def _frame(self, request: HttpRequest) -> None:
        """Find out where the body ends."""
        coding = request.headers.get("transfer-encoding")
        length = request.headers.get("content-length")
        if coding is None:
            self._length = 0 if length is None else _parse_length(length)
            return
        if length is not None:
            raise BadRequest(400, "The request has both Content-Length and Transfer-Encoding.")
        if coding.lower() != "chunked":
            raise BadRequest(501, "Of the transfer codings only chunked is read.")
        self._chunks = _Chunks()

    def _read_body(self, request: HttpRequest) -> bool:
        buffer = self._buffer
        if self._chunks is not None:
            if not self._chunks.read(buffer):
                return False
            request.body = bytes(self._chunks.body)
            return True
        length = self._length
        if len(buffer) < length:
            return False
        if length:
            request.body = bytes(buffer[:length])
            del buffer[:length]
        return True


class _Chunks:
    """The body of a request that is sent in chunks."""

    __slots__ = ("_left", "_trailer", "_trailer_size", "body")

    def __init__(self) -> None:
        self.body = bytearray()
        self._left = -1  # bytes of the present chunk with its line end; -1 before its size is read
        self._trailer = False
        self._trailer_size = 0

    def read(self, buffer: bytearray) -> bool:
        """Take what there is. Returns whether the body is complete."""
        while not self._trailer:
            if self._left < 0:
                if not self._read_size(buffer):
                    return False
            elif not self._read_data(buffer):
                return False
        return self._read_trailer(buffer)

    def _read_size(self, buffer: bytearray) -> bool:
        line = _take_line(buffer)
        if line is None:
            return False
        match = _SIZE.fullmatch(line)
        if match is None:
            raise BadRequest(400, "A chunk's size is no hexadecimal number.")
        size = int(match[1], 16)
        if len(self.body) + size > BODY_LIMIT:
            raise _too_large()
        self._trailer = size == 0
        self._left = size + 2
        return True

    def _read_data(self, buffer: bytearray) -> bool:
        if len(buffer) < self._left:
            return False
        size = self._left - 2
        if buffer[size : self._left] != b"\r\n":
            raise BadRequest(400, "A chunk is longer than its size says.")
        self.body += buffer[:size]
        del buffer[: self._left]
        self._left = -1
        return True

    def _read_trailer(self, buffer: bytearray) -> bool:
        while (line := _take_line(buffer)) is not None:
            if not line:
                return True
            self._trailer_size += len(line)
            if self._trailer_size > HEADER_LIMIT:
                raise BadRequest(431, f"The trailers are longer than {HEADER_LIMIT} bytes.")
        return False


def write(answer: Answer, *, date: str, keep_alive: bool, head_only: bool) -> bytes:
    """Serialise an answer.

    Args:
        answer: what to send.
        date: when, as HTTP has it.
        keep_alive: whether the connection stays open.
        head_only: whether the request was a HEAD.

    Returns:
        The bytes to send; for a truncated answer, those before the cut.
    """
    lines = [
        f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}\r\n",
        f"Date: {date}\r\n",
        f"Content-Type: {answer.content_type}\r\n",
        f"Content-Length: {len(answer.body)}\r\n",
    ]
    lines += [f"{name}: {value}\r\n" for name, value in answer.headers.items()]
    lines.append("\r\n" if keep_alive else "Connection: close\r\n\r\n")
    head = "".join(lines).encode("latin-1")
    if head_only:
        return head
    if answer.ending is Ending.TRUNCATED:
        return head + answer.body[: len(answer.body) // 2]
    return head + answer.body


_REASONS = {int(status): status.phrase for status in HTTPStatus}


def _parse_head(head: str) -> HttpRequest:
    ends = head.count("\r\n")
    if head.count("\r") != ends or head.count("\n") != ends or "\0" in head:
        raise BadRequest(400, "The request's head has a stray control character.")
    lines = head.split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or _TOKEN.fullmatch(words[0]) is None:
        raise BadRequest(400, "The first line is not METHOD TARGET HTTP/1.1.")
    method, target, version = words
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise BadRequest(505, "Of the HTTP versions only 1.1 and 1.0 are read.")
    headers = _parse_headers(lines)
    path, _, query = _origin_form(target).partition("?")
    connection = headers.get("connection", "").lower()
    keep_alive = connection == "keep-alive" if version == "HTTP/1.0" else "close" not in connection
    return HttpRequest(method, path, query, headers, keep_alive)


def _parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = _header_name(name) if len(name) <= _LONGEST_NAME else ""
        if not colon or not name:
            raise BadRequest(400, "A header line is not Name: value.")
        value = value.strip(" \t")
        if name not in headers:
            headers[name] = value
        elif headers[name] != value or name != "content-length":
            headers[name] = f"{headers[name]}, {value}"
    return headers


@lru_cache(maxsize=1024)
def _header_name(name: str) -> str:
    """A header's name in lower case; empty when it is none."""
    return name.lower() if _TOKEN.fullmatch(name) else ""


def _origin_form(target: str) -> str:
    """The target without scheme and host, which a client of a proxy sends along."""
    if target.startswith("/"):
        return target
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in {"http", "https"}:
        raise BadRequest(400, "The request's target is no path.")
    _, slash, path = rest.partition("/")
    return slash + path if slash else "/"


def _parse_length(text: str) -> int:
    if _LENGTH.fullmatch(text) is None:
        raise BadRequest(400, "Content-Length is not one number.")
    length = int(text)
    if length > BODY_LIMIT:
        raise _too_large()
    return length


def _take_line(buffer: bytearray) -> bytes | None:
    end = buffer.find(b"\r\n")
    if end > _LINE_LIMIT or (end < 0 and len(buffer) > _LINE_LIMIT):
        raise BadRequest(400, f"A line of a chunked body is longer than {_LINE_LIMIT} bytes.")
    if end < 0:
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 2]
    return line


def _too_large() -> BadRequest:
    return BadRequest(413, f"The request's body is longer than {BODY_LIMIT} bytes.")
