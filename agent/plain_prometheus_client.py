"""prometheus_client, imported without the HTTP servers and clients that it brings and we never use.

Its families and its text formats are what the agent's own telemetry is made of. Importing them also
imports its own HTTP server, its push client and with them TLS: 9 MB, of which 1 is left when those
modules are empty while it is imported. Whoever wants prometheus_client's servers in this process
imports it before this module.

Imported at start, by one thread.
"""

from __future__ import annotations

import sys
from types import ModuleType

_UNUSED = ("ssl", "http.server", "urllib.error", "urllib.request", "wsgiref.simple_server")


class _Empty(ModuleType):
    """A module in which every name is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


_emptied = [
    name for name in _UNUSED if "prometheus_client" not in sys.modules and name not in sys.modules
]
for _name in _emptied:
    sys.modules[_name] = _Empty(_name)
try:
    from prometheus_client.exposition import generate_latest
    from prometheus_client.metrics_core import Metric
    from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
    from prometheus_client.registry import Collector
finally:
    for _name in _emptied:
        del sys.modules[_name]

__all__ = ["Collector", "Metric", "generate_latest", "generate_openmetrics"]
