"""The header `Stripe-Signature` (https://docs.stripe.com/webhooks/signature)."""

import hmac
from hashlib import sha256


def signature_header(payload: bytes, secret: str, at: int) -> str:
    """Return the header's value for a payload.

    Args:
        payload: the body as it is sent.
        secret: the endpoint's, `whsec_...`.
        at: unix seconds at which it is signed; a receiver refuses old ones.
    """
    signed = b"%d.%s" % (at, payload)
    return f"t={at},v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}"
