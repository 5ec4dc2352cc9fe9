"""Deriving the catalogue from the source of the official package `stripe`, without importing it.

Its services name method, path, parameters and answer of every operation as literals and
annotations, its resource classes the fields of every object.
"""

from holdfast.sandbox.catalogue.deriving.package import derive

__all__ = ["derive"]
