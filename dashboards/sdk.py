"""The parts of grafana-foundation-sdk that are used here, imported in one place.

Importing its classic dashboard builder warns that dashboard schema v2 is preferred. Classic JSON is
meant: Grafana 12 and older, file provisioning and grafana.com want it, and newer Grafana reads it.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import common as common_builders
    from grafana_foundation_sdk.builders import dashboard as dashboard_builders
    from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common, dashboard
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

__all__ = [
    "Builder",
    "JSONEncoder",
    "PromQueryFormat",
    "QueryEditorMode",
    "common",
    "common_builders",
    "dashboard",
    "dashboard_builders",
    "prometheus",
    "stat",
    "table",
    "timeseries",
]
