"""OAuth of Connect: `POST /oauth/token` and `POST /oauth/deauthorize`.

Source of the fields: https://docs.stripe.com/connect/oauth-reference.
"""

from holdfast.sandbox.errors import ApiError
from holdfast.sandbox.resources.operations import writing
from holdfast.sandbox.resources.params import TEXT, Params, fields_of, one_of
from holdfast.sandbox.resources.routing import Operation, Request
from holdfast.sandbox.state import JsonObject

_LENGTH = 24


class _Refused(ApiError):
    """A refusal in the form of RFC 6749, section 5.2, which is not that of the other operations."""

    def body(self) -> dict[str, object]:
        return {"error": self.type, "error_description": self.message}


def _token(request: Request) -> JsonObject:
    tx, params = request.tx, request.params
    grant = "code" if params["grant_type"] == "authorization_code" else "refresh_token"
    if not params.get(grant):
        raise _Refused(400, f"No {grant} was sent.", type="invalid_request")
    mode = "live" if tx.livemode else "test"
    account = tx.new_id("acct", 16)
    tx.record("connect", {"object": "account", "id": account})
    return {
        "access_token": tx.new_id(f"sk_{mode}", _LENGTH),
        "livemode": tx.livemode,
        "refresh_token": tx.new_id("rt", _LENGTH),
        "scope": params.get("scope", "read_write"),
        "stripe_publishable_key": tx.new_id(f"pk_{mode}", _LENGTH),
        "stripe_user_id": account,
        "token_type": "bearer",
    }


def _deauthorize(request: Request) -> JsonObject:
    account = request.params["stripe_user_id"]
    request.tx.record("disconnect", {"object": "account", "id": account})
    return {"stripe_user_id": account}


OPERATIONS: tuple[Operation, ...] = (
    writing(
        "oauth.token",
        "/oauth/token",
        Params(
            {
                "grant_type": one_of("authorization_code", "refresh_token"),
                **fields_of(
                    TEXT, "assert_capabilities", "client_id", "client_secret", "code",
                    "refresh_token", "scope",
                ),
            },
            ("grant_type",),
        ),
        _token,
    ),
    writing(
        "oauth.deauthorize",
        "/oauth/deauthorize",
        Params(
            fields_of(TEXT, "client_id", "client_secret", "stripe_user_id"), ("stripe_user_id",)
        ),
        _deauthorize,
    ),
)  # fmt: skip
