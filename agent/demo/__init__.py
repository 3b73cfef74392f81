"""Containers that misbehave, to look at with the agent. The one place that talks to a runtime."""

from agent.demo.client import DemoError, NoRuntime
from agent.demo.deploy import RUNTIMES, DemoContainer, running, start, stop

__all__ = ["RUNTIMES", "DemoContainer", "DemoError", "NoRuntime", "running", "start", "stop"]
