"""How far an attempt had got, from the exception of whatever library sent it.

By the names of the exceptions' types, for none of the libraries need be installed.
"""

from holdfast.engine import Failure, Phase
from holdfast.engine.causes import causes
from holdfast.transports.exchange import certificate_failed

# No connection was made, in the words of aiohttp, httpx, requests, urllib3 and Python itself.
_NO_CONNECTION = frozenset(
    {
        "ClientConnectorError",
        "ConnectError",
        "ConnectTimeout",
        "ConnectTimeoutError",
        "ConnectionRefusedError",
        "NewConnectionError",
        "PoolTimeout",
        "ProxyError",
        "gaierror",
    }
)
# CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT.
_NO_CURL_CONNECTION = frozenset({5, 6, 7})
# No repetition mends them.
_WRONG_ADDRESS = frozenset({"InvalidURL", "LocalProtocolError", "UnsupportedProtocol"})


def failure_of(error: Exception, *, wrong: bool = False) -> Failure:
    """The failure that an exception stands for, raised before any answer came.

    Args:
        error: what the library raised.
        wrong: the caller knows that the request itself could not be made.
    """
    chain = _chain(error)
    names = {kind.__name__ for cause in chain for kind in type(cause).__mro__}
    if wrong or certificate_failed(error) or not names.isdisjoint(_WRONG_ADDRESS):
        return Failure(Phase.CONNECT, error, retryable=False)
    if not names.isdisjoint(_NO_CONNECTION) or any(map(_is_curls_connection, chain)):
        return Failure(Phase.CONNECT, error)
    return Failure(Phase.SENT, error)


def _chain(error: BaseException) -> list[BaseException]:
    found = []
    for cause in causes(error):
        found.append(cause)
        # urllib3 puts the cause of its last error here.
        reason = getattr(cause, "reason", None)
        if isinstance(reason, BaseException):
            found += causes(reason)
    return found


def _is_curls_connection(error: BaseException) -> bool:
    code = error.args[0] if error.args else None
    return type(error).__module__ == "pycurl" and code in _NO_CURL_CONNECTION
