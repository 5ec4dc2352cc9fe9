"""Files for other programs: a dashboard for Grafana and alerts for Prometheus.

`python -m holdfast.observe.shipped FOLDER` copies them to where these programs find them.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable

FILES = ("alerts.yml", "grafana.json")


def shipped(name: str) -> Traversable:
    """One of the files.

    Args:
        name: one of `FILES`.
    """
    return files(__name__) / name
