"""The live page: its server, and what it is made of."""

from holdfast.observe.page.feed import Source
from holdfast.observe.page.serving import Page, serve_source
from holdfast.observe.page.verdict import verdicts

__all__ = ["Page", "Source", "serve_source", "verdicts"]
