"""prometheus_client, imported without the servers, clients and instruments that we never use.

Its families and its text formats are what the agent's own telemetry is made of. Importing them also
imports its HTTP servers, its push client and with them TLS, and its own counters with what they
count of this process: 9 MB, of which half a one is left when those modules are empty while it is
imported. Whoever wants more of prometheus_client in this process imports it before this module.

Imported at start, by one thread.
"""

from __future__ import annotations

import sys

from agent.lean import emptied

_SERVERS = (
    *("base64", "gzip", "http.server", "socketserver", "ssl", "urllib.error", "urllib.request"),
    *("wsgiref.simple_server", "prometheus_client.asgi"),
)
_INSTRUMENTS = (
    *("prometheus_client.gc_collector", "prometheus_client.metrics"),
    *("prometheus_client.platform_collector", "prometheus_client.process_collector"),
)

with emptied(*(() if "prometheus_client" in sys.modules else (*_SERVERS, *_INSTRUMENTS))):
    from prometheus_client.exposition import generate_latest
    from prometheus_client.metrics_core import Metric
    from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
    from prometheus_client.registry import Collector

__all__ = ["Collector", "Metric", "generate_latest", "generate_openmetrics"]
