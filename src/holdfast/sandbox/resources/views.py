"""How objects are shown that change by the passing of time alone, without a request."""

from collections.abc import Callable, Mapping

from holdfast.sandbox.state import JsonObject


def _balance_transaction(stored: JsonObject, now: int) -> JsonObject:
    if stored["status"] == "pending" and stored["available_on"] <= now:
        return {**stored, "status": "available"}
    return stored


def _coupon(stored: JsonObject, now: int) -> JsonObject:
    ends = stored.get("redeem_by")
    if ends is not None and ends <= now:
        return {**stored, "valid": False}
    return stored


_VIEWS: Mapping[str, Callable[[JsonObject, int], JsonObject]] = {
    "balance_transaction": _balance_transaction,
    "coupon": _coupon,
}


def viewed(stored: JsonObject, now: int) -> JsonObject:
    """Return an object as it is shown at an instant; a list, with all that it holds.

    Args:
        stored: an object of any kind; it stays as it is.
        now: unix seconds.
    """
    kind = stored.get("object")
    if kind == "list" and stored["data"] and stored["data"][0].get("object") in _VIEWS:
        return {**stored, "data": [viewed(each, now) for each in stored["data"]]}
    view = _VIEWS.get(kind or "")
    return stored if view is None or "deleted" in stored else view(stored, now)
