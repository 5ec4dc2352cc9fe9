"""API keys: who is let in, and whether the key is a live one."""

import re
from base64 import b64decode
from binascii import Error as Base64Error

from holdfast.sandbox import errors

LONGEST_ACCOUNT = 255
_KEY = re.compile(r"(?:sk|rk)_(test|live)_\S+")


def authenticate(header: str | None) -> bool:
    """Check a request's API key.

    Args:
        header: the `Authorization` header: a bearer token, or basic authentication by user name.

    Returns:
        Whether it is a live key.

    Raises:
        ApiError: 401, there is no key, or it is no secret or restricted key.
    """
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() == "basic":
        try:
            token = b64decode(token, validate=True).decode("latin-1").partition(":")[0]
        except Base64Error:
            token = ""
    elif scheme.lower() != "bearer":
        token = ""
    match = _KEY.fullmatch(token)
    if match is None:
        raise errors.unauthorized(token or None)
    return match[1] == "live"


def read_account(header: str | None, usual: str) -> str:
    """Read whose account a request is about.

    Args:
        header: the `Stripe-Account` header.
        usual: the account of requests without it.

    Returns:
        The account's id. Any is let in: the sandbox makes accounts as they are named.

    Raises:
        ApiError: 400, the id is too long to be one.
    """
    account = header or usual
    if len(account) > LONGEST_ACCOUNT:
        raise errors.ApiError(
            400,
            f"Stripe-Account may have at most {LONGEST_ACCOUNT} characters, not {len(account)}.",
        )
    return account
