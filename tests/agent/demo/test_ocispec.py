"""config.json for runc and crun."""

from __future__ import annotations

import json

from agent.demo.client import Job
from agent.demo.ocispec import config


def test_limits_are_in_the_runtimes_units() -> None:
    spec = json.loads(config(Job("x", ("sh",), {"a": "b"}, cpus=0.2, memory=1 << 26), "host"))
    assert spec["linux"]["resources"] == {
        "cpu": {"quota": 20000, "period": 100000},
        "memory": {"limit": 1 << 26, "swap": 1 << 26},
    }
    assert (spec["annotations"], spec["hostname"]) == ({"a": "b"}, "host")
    assert spec["linux"]["cgroupsPath"] == "/x"


def test_without_limits_the_runtime_is_asked_for_none() -> None:
    assert json.loads(config(Job("x", ("sh",), {}), "x"))["linux"]["resources"] == {}


def test_the_network_is_of_its_own_and_empty() -> None:
    spec = json.loads(config(Job("x", ("sh",), {}), "x"))
    assert {"type": "network"} in spec["linux"]["namespaces"]
