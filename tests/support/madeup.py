"""Keys that look real and are none, put together here so that no scanner takes them for one."""

SECRET = "51NqzRpE8mCwT4vKLbJ2hYxD0sAuG"
LIVE, TEST = f"sk_live_{SECRET}", f"sk_test_{SECRET}"


def with_keys(text: str) -> str:
    """The text with the made-up secret in place of `@SECRET@`."""
    return text.replace("@SECRET@", SECRET)
