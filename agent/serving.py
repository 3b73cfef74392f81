"""The daemon's server, built as the configuration says: who may ask, and what answers where."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from agent.browser import browser
from agent.config import Config, is_loopback, split_address
from agent.diagnosis.recent import Recent
from agent.exchange import Site
from agent.server import MetricsServer, Pages
from agent.snapshots import Snapshots
from agent.telemetry import Counts, Telemetry
from agent.web.faults import BadWebFile

if TYPE_CHECKING:
    from agent.web.gate import Gate

log = logging.getLogger(__name__)


def server_of(
    config: Config, pages: Pages, telemetry: Telemetry, snapshots: Snapshots, recent: Recent
) -> MetricsServer:
    """
    Bind it. Raises OSError where the address is taken or not ours, BadWebFile where the web
    configuration is wrong, or the API would be open to everybody.
    """
    address = split_address(config.metrics.listen)
    gate = _gate(config, telemetry)
    sites: dict[str, Site] = {}
    local = is_loopback(address[0])
    if config.web.page == "always" or (config.web.page == "loopback" and local):
        sites["/"] = browser(
            os.uname().nodename,
            snapshots.fresh,
            recent.window,
            local=local,
            history=_history(config),
            lacking=pages.lacking,
        )
    if config.api.enabled:
        _add_api(sites, config, gate, snapshots, recent, local=local)
    if gate is None:
        return MetricsServer(address, pages, sites=sites)
    from agent.web.adapter import TlsAdapter

    tls = TlsAdapter(gate.context) if gate.encrypted else None
    return MetricsServer(address, pages, gate, tls, sites)


def _gate(config: Config, telemetry: Telemetry) -> Gate | None:
    if not config.web.config_file:
        return None
    # YAML, bcrypt and TLS take 2 MiB, which only those pay who use them.
    from agent.web.gate import Gate

    gate = Gate(config.web.config_file)
    telemetry.register(
        Counts(
            "agent_web_config_failures",
            "Times a changed web configuration could not be used and the last good one stayed.",
            "file",
            lambda: {config.web.config_file: gate.failures},
        )
    )
    return gate


def _add_api(
    sites: dict[str, Site],
    config: Config,
    gate: Gate | None,
    snapshots: Snapshots,
    recent: Recent,
    *,
    local: bool,
) -> None:
    from agent.api import PATH, Api, read_token

    identified = gate is not None and gate.identifies
    if not (local or identified or config.api.token_file):
        raise BadWebFile(
            f"[api] enabled with listen = {config.metrics.listen!r} lets everybody read it: set"
            " api.token_file, or passwords or client certificates in web.config_file"
        )
    if identified and config.api.token_file:
        raise BadWebFile(
            "[api] token_file: web.config_file asks who it is already; a request has one of the two"
        )
    if config.api.token_file:
        read_token(config.api.token_file)  # what is wrong with it is said at the start
    if config.api.token_file and not local and (gate is None or not gate.encrypted):
        log.warning("[api] its token is sent in the clear: web.config_file can give it TLS")
    sites[PATH] = Api(
        snapshots.fresh,
        recent.window,
        history=_history(config),
        token_file=config.api.token_file,
        kept_labels=config.metrics.container_labels,
        local=local,
    )


def _history(config: Config) -> str:
    """Its directory; "" where none is kept."""
    return config.history.place(config.logs.state) if config.history.enabled else ""
