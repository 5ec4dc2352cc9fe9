"""Every operation of Stripe's API, as the official package `stripe` tells of them.

`routes` finds the operation of a request: those with behaviour of their own (`holdfast.sandbox.
resources`) first, then generic ones that store and return objects by the fields that their kind
has. `catalogue` is the list of all operations, parameters and kinds of objects.
"""

from holdfast.sandbox.catalogue.encoding import Catalogue, CatalogueError
from holdfast.sandbox.catalogue.loading import catalogue
from holdfast.sandbox.catalogue.making import completed
from holdfast.sandbox.catalogue.routes import AllRoutes, routes
from holdfast.sandbox.catalogue.shapes import Entry, Form

__all__ = [
    "AllRoutes",
    "Catalogue",
    "CatalogueError",
    "Entry",
    "Form",
    "catalogue",
    "completed",
    "routes",
]
