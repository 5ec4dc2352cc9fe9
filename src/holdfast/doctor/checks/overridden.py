"""A policy's retries that the SDK's module-wide number takes the place of."""

from collections.abc import Iterator

from holdfast.doctor import rules
from holdfast.doctor.code.tree import Tree
from holdfast.doctor.finding import Finding


def check(tree: Tree) -> Iterator[Finding]:
    """Find policies of `stripe.default_http_client` whose `max_retries` does not count."""
    attempts = tree.sdk_attempts
    if attempts is None:
        return
    for module in tree.modules.values():
        if module.default_policy is not None:
            retries, place = module.default_policy
            found = rules.overridden(place, retries, attempts - 1)
            if found is not None:
                yield found
