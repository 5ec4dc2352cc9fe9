"""A request can be named by the hash of its id."""

import hashlib

from holdfast.batch.again.handles import handle_of, ids_by_handle


def test_a_handle_is_the_beginning_of_the_id_s_sha256() -> None:
    handle = handle_of("anna@example.com")
    assert handle == f"sha256:{hashlib.sha256(b'anna@example.com').hexdigest()[:32]}"
    assert handle_of("\ud800") != handle_of("\ud801")  # half of a pair, as JSON may have it


def test_ids_are_looked_at_only_where_a_name_may_be_a_handle() -> None:
    ids = ["r-1", "anna@example.com"]
    assert ids_by_handle([handle_of("r-1")], ids) == {handle_of(id_): id_ for id_ in ids}
    unread = iter(ids)
    assert ids_by_handle(["r-1", "r-2"], unread) == {}
    assert next(unread) == "r-1"
