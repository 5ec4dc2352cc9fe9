"""Which proxy, if any, stands between this machine and a server."""

from collections.abc import Mapping
from urllib.request import getproxies, proxy_bypass

# What the environment's proxy cannot reach: on its own machine these are other places.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def proxy_for(proxies: Mapping[str, str | None] | None, scheme: str, host: str) -> str:
    """The URL of the proxy, or "" for none.

    Args:
        proxies: a URL by scheme; None goes by the environment (`HTTPS_PROXY`, `NO_PROXY`), as
            requests does.
        scheme: `http` or `https`.
        host: the server's name or address.
    """
    if proxies is not None:
        return proxies.get(scheme) or ""
    if host in LOOPBACK or proxy_bypass(host):
        return ""
    return getproxies().get(scheme, "")
