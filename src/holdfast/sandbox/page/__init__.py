"""The sandbox's page: what it shows of the sandbox, and the files that it is made of."""

from holdfast.sandbox.page.feed import Feed
from holdfast.sandbox.page.files import ROOT, file_at

__all__ = ["ROOT", "Feed", "file_at"]
