"""Every container's stage and fields, by the configuration: what the intake asks."""

from __future__ import annotations

from collections.abc import Sequence

from agent.container.container import Container
from agent.log_rules import LogRule
from agent.logs.entry import clean, record_fields
from agent.logs.faults import FaultLog
from agent.logs.processing.settings import NOTHING, resolve
from agent.logs.processing.stage import RuleStage
from agent.logs.stats import ContainerCounters
from agent.records import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What [logs] says of processing and metadata."""

    rules: Sequence[LogRule] = ()
    labels: Sequence[str] = ()
    """Labels that become fields of each record."""
    host: str = ""
    """The host's name in each record; "" for none."""
    container_rules: bool = True
    """Whether containers' labels and annotations are asked as well."""

    def stage(
        self,
        container: Container,
        counters: ContainerCounters,
        faults: FaultLog,
        earlier: RuleStage | None = None,
    ) -> RuleStage | None:
        """The stage of a container, None where nothing is to be done; `earlier` where it fits."""
        resolved = resolve(container, self.rules, container_rules=self.container_rules)
        for problem in resolved.problems:
            faults.report(
                "warning",
                f"asked {counters.path} {problem}",
                "A label or annotation about a container's logs is wrong and is left out.",
                path=counters.path,
                problem=problem,
            )
        if earlier is not None and earlier.rule == resolved.rule:
            return earlier
        if resolved.rule == NOTHING and (earlier is None or earlier.floor is None):
            return None
        stage = RuleStage(resolved.rule, counters)
        if earlier is not None:
            stage.inherit(earlier)
        return stage

    def fields(self, container: Container) -> dict[str, str]:
        """The constant fields of every record of a container: `record_fields`, host, labels.

        A label is the field "label_NAME", with what is not a letter, digit or "_" as "_".
        """
        fields = record_fields(container)
        if self.host:
            fields["host"] = self.host
        for name in self.labels:
            value = container.labels.get(name)
            if value is not None:
                fields[label_field(name)] = clean(value.encode("utf-8", "surrogateescape")).decode()
        return fields


def label_field(name: str) -> str:
    """The name of the field of a label: "com.docker.compose.service" has dots, which Elasticsearch
    takes for objects, and GELF does not take slashes."""
    return "label_" + "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)
