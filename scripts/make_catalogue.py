"""Write the catalogue that is shipped, out of the installed package `stripe`.

python scripts/make_catalogue.py
"""

import sys

from holdfast.sandbox.catalogue.deriving import derive
from holdfast.sandbox.catalogue.encoding import Catalogue
from holdfast.sandbox.catalogue.installed import installed_package
from holdfast.sandbox.catalogue.loading import SNAPSHOT, packed


def main() -> int:
    """Derive and write the catalogue.

    Returns:
        The exit code: 1 when `stripe` is not installed.
    """
    package = installed_package()
    if package is None:
        print("make_catalogue: install the package stripe first", file=sys.stderr)
        return 1
    data = derive(package)
    found = Catalogue(data)
    SNAPSHOT.write_bytes(packed(data))
    print(f"stripe {found.version}: {len(found.operations)} operations, {len(found.kinds)} kinds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
