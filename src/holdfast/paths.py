"""What a request's path tells: its endpoint, and the first object in it."""

import re
from functools import lru_cache

# A segment that is no word of the API but an id: it has a digit or a capital, or "[redacted]" in
# the place of a secret, or follows a collection whose ids may be the user's own words. A version
# (`v1`) is none.
# Looking back costs a third of what a group does, and this is done for each call.
_ID = re.compile(
    r"/(?:(?<=/coupons/)|(?<=/plans/)|(?<=/products/)|(?<=/skus/))(?!search(?:/|$))[^/]+"
    r"|/(?!v\d+(?:/|$))[^/A-Z0-9%\[]*[A-Z0-9%\[][^/]*"
)


@lru_cache(maxsize=1024)
def template(path: str) -> str:
    """The path with `{id}` in the place of each id: `/v1/customers/{id}/sources/{id}`."""
    return _ID.sub("/{id}", path)


def first_id(path: str) -> str | None:
    """The first id in a path."""
    found = _ID.search(path)
    return None if found is None else found[0].rpartition("/")[2]
