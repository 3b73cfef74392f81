"""Containers that misbehave, to look at with the agent. The one place that talks to a runtime."""

from agent.demo.client import DemoError, NoRuntime
from agent.demo.deploy import PREFIX, RUNTIMES, DemoContainer, running, start
from agent.demo.removal import stop

__all__ = [
    "PREFIX",
    "RUNTIMES",
    "DemoContainer",
    "DemoError",
    "NoRuntime",
    "running",
    "start",
    "stop",
]
