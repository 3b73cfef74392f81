"""The expressions, judged by Prometheus' own promtool: syntax, and answers on made-up series.

The series are those of one Docker host and one Kubernetes node, in the kubelet's label set.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboards.listing import queries

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool (package prometheus) is missing")

DOCKER = {"instance": ".*", "namespace": ".*", "pod": "", "container": "", "name": ".*"}
KUBERNETES = {
    "instance": ".*",
    "namespace": ".*",
    "pod": "shop-1",
    "container": "(api|proxy)",
    "name": ".*",
}

WEB = 'instance="h1",id="/docker/aa",name="web",namespace="",pod="",container="",image="nginx"'
API_OLD = (
    'instance="h1",id="/kubepods/p/b1",name="b1",namespace="shop",pod="shop-1",container="api",'
    'image="api:4"'
)
API_NEW = API_OLD.replace("b1", "b2")
SANDBOX = (
    'instance="h1",id="/kubepods/p/c0",name="c0",namespace="shop",pod="shop-1",container="",'
    'image="pause"'
)
POD = 'instance="h1",id="/kubepods/p",name="",namespace="shop",pod="shop-1",container="",image=""'
SLICE = 'instance="h1",id="/system.slice",name="",namespace="",pod="",container="",image=""'
ROOT = 'instance="h1",id="/",name="",namespace="",pod="",container="",image=""'

WEB_OUT = '{instance="h1", name="web"}'
API_OUT = '{instance="h1", namespace="shop", pod="shop-1", container="api"}'

Series = dict[str, str]
Answer = dict[str, float]


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [str(PROMTOOL), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def ask(tmp_path: Path, expr: str, series: Series, answer: Answer, at: str = "10m") -> None:
    """Asserts that `expr` over `series` (one sample a minute) gives `answer` at `at`."""
    case = {
        "interval": "1m",
        "input_series": [{"series": k, "values": v} for k, v in series.items()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": at,
                "exp_samples": [{"labels": k, "value": v} for k, v in answer.items()],
            }
        ],
    }
    file = tmp_path / "case.yml"
    # JSON is YAML.
    file.write_text(json.dumps({"evaluation_interval": "1m", "tests": [case]}))
    promtool("test", "rules", str(file))


def query(title: str, variables: dict[str, str]) -> str:
    return dict(queries("container", variables))[title]


@pytest.mark.parametrize("variables", [DOCKER, KUBERNETES, {**DOCKER, "pod": "()"}])
def test_prometheus_reads_every_expression(tmp_path: Path, variables: dict[str, str]) -> None:
    rules = [
        {"record": f"q{number}", "expr": expr}
        for number, (_, expr) in enumerate(queries("container", variables))
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "container", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_promtool_refuses_a_broken_expression(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text('{"groups":[{"name":"x","rules":[{"record":"q","expr":"sum(rate(a[5m])"}]}]}')
    with pytest.raises(AssertionError, match="unclosed left parenthesis"):
        promtool("check", "rules", str(file))


def test_a_docker_container_keeps_its_name_and_slices_stay_out(tmp_path: Path) -> None:
    ask(
        tmp_path,
        query("CPU: CPU usage and limit [A]", DOCKER),
        {
            f'container_cpu_usage_seconds_total{{{WEB},cpu="total"}}': "0+30x20",
            f'container_cpu_usage_seconds_total{{{SLICE},cpu="total"}}': "0+60x20",
            f'container_cpu_usage_seconds_total{{{API_OLD},cpu="total"}}': "0+60x20",
        },
        {WEB_OUT: 0.5},
    )


def test_a_restart_in_kubernetes_is_one_line_and_the_sandbox_stays_out(tmp_path: Path) -> None:
    ask(
        tmp_path,
        query("CPU: CPU usage and limit [A]", KUBERNETES),
        {
            f'container_cpu_usage_seconds_total{{{API_OLD},cpu="total"}}': "0+60x5 stale",
            f'container_cpu_usage_seconds_total{{{API_NEW},cpu="total"}}': "_x6 0+60x20",
            f'container_cpu_usage_seconds_total{{{SANDBOX},cpu="total"}}': "0+60x20",
            f'container_cpu_usage_seconds_total{{{POD},cpu="total"}}': "0+60x20",
        },
        # Both are in the window: 150 of the old one's seconds, 120 of the new one's, over 300.
        {API_OUT: 0.9},
        at="8m",
    )


def test_the_cpu_limit_is_in_cores_and_no_quota_is_no_line(tmp_path: Path) -> None:
    ask(
        tmp_path,
        query("CPU: CPU usage and limit [B]", DOCKER),
        {
            f"container_spec_cpu_quota{{{WEB}}}": "150000x20",
            f"container_spec_cpu_period{{{WEB}}}": "100000x20",
            f"container_spec_cpu_period{{{WEB.replace('web', 'db').replace('aa', 'ab')}}}": (
                "100000x20"
            ),
        },
        {WEB_OUT: 1.5},
    )


@pytest.mark.parametrize(
    ("title", "metric"),
    [
        ("Memory: Memory working set and limit [C]", "container_spec_memory_limit_bytes"),
        ("Processes and life: Threads and limit [B]", "container_threads_max"),
    ],
)
def test_a_limit_of_0_is_no_limit(tmp_path: Path, title: str, metric: str) -> None:
    unlimited = WEB.replace("web", "db").replace("aa", "ab")
    ask(
        tmp_path,
        query(title, DOCKER),
        {f"{metric}{{{WEB}}}": "512x20", f"{metric}{{{unlimited}}}": "0x20"},
        {WEB_OUT: 512},
    )


def test_an_unlimited_container_has_no_share_of_a_limit(tmp_path: Path) -> None:
    unlimited = WEB.replace("web", "db").replace("aa", "ab")
    ask(
        tmp_path,
        query("Now: Memory of its limit [A]", DOCKER),
        {
            f"container_memory_working_set_bytes{{{WEB}}}": "256x20",
            f"container_spec_memory_limit_bytes{{{WEB}}}": "512x20",
            f"container_memory_working_set_bytes{{{unlimited}}}": "256x20",
            f"container_spec_memory_limit_bytes{{{unlimited}}}": "0x20",
        },
        {WEB_OUT: 0.5},
    )


def test_the_share_of_the_host_is_of_its_own_host(tmp_path: Path) -> None:
    there = WEB.replace("h1", "h2")
    ask(
        tmp_path,
        query("Memory: Memory share of limit and of host [B]", DOCKER),
        {
            f"container_memory_working_set_bytes{{{WEB}}}": "100x20",
            f"container_memory_working_set_bytes{{{there}}}": "100x20",
            'machine_memory_bytes{instance="h1",machine_id="m1"}': "1000x20",
            'machine_memory_bytes{instance="h2",machine_id="m2"}': "200x20",
        },
        {WEB_OUT: 0.1, '{instance="h2", name="web"}': 0.5},
    )


def test_a_container_that_wanted_no_cpu_has_no_throttled_ratio(tmp_path: Path) -> None:
    idle = WEB.replace("web", "db").replace("aa", "ab")
    ask(
        tmp_path,
        query("CPU: Throttled periods [A]", DOCKER),
        {
            f"container_cpu_cfs_periods_total{{{WEB}}}": "0+600x20",
            f"container_cpu_cfs_throttled_periods_total{{{WEB}}}": "0+150x20",
            f"container_cpu_cfs_periods_total{{{idle}}}": "40x20",
            f"container_cpu_cfs_throttled_periods_total{{{idle}}}": "10x20",
        },
        {WEB_OUT: 0.25},
    )


def test_the_rest_of_the_memory_is_never_below_0(tmp_path: Path) -> None:
    behind = WEB.replace("web", "db").replace("aa", "ab")
    ask(
        tmp_path,
        query("Memory: What the memory is [C]", DOCKER),
        {
            f"container_memory_usage_bytes{{{WEB}}}": "100x20",
            f"container_memory_rss{{{WEB}}}": "60x20",
            f"container_memory_cache{{{WEB}}}": "30x20",
            f"container_memory_usage_bytes{{{behind}}}": "80x20",
            f"container_memory_rss{{{behind}}}": "60x20",
            f"container_memory_cache{{{behind}}}": "30x20",
        },
        {WEB_OUT: 10, '{instance="h1", name="db"}': 0},
    )


def test_docker_starting_the_same_container_again_is_a_restart(tmp_path: Path) -> None:
    ask(
        tmp_path,
        query("Now: Restarts [A]", DOCKER),
        {f"container_start_time_seconds{{{WEB}}}": "100x5 400x5 700x10"},
        {WEB_OUT: 2},
        at="20m",
    )


def test_a_new_container_in_place_of_the_old_is_a_restart(tmp_path: Path) -> None:
    ask(
        tmp_path,
        query("Now: Restarts [A]", KUBERNETES),
        {
            f"container_start_time_seconds{{{API_OLD}}}": "0x5 stale",
            f"container_start_time_seconds{{{API_NEW}}}": "_x6 360x14",
        },
        {API_OUT: 1},
        at="20m",
    )


def test_a_container_that_never_restarted_says_0(tmp_path: Path) -> None:
    ask(
        tmp_path,
        query("Now: Restarts [A]", DOCKER),
        {f"container_start_time_seconds{{{WEB}}}": "100x20"},
        {WEB_OUT: 0},
    )


def test_the_network_of_a_pod_is_one_line_and_the_hosts_stays_out(tmp_path: Path) -> None:
    metric = "container_network_receive_bytes_total"
    series = {
        f'{metric}{{{owner},interface="{interface}"}}': "0+60x20"
        for owner in (SANDBOX, WEB, ROOT)
        for interface in ("eth0", "eth1")
    }
    title = "Network: Network throughput [A]"
    pod = {'{instance="h1", namespace="shop", pod="shop-1"}': 2.0}
    ask(tmp_path, query(title, KUBERNETES), series, pod)
    ask(tmp_path, query(title, DOCKER), series, {WEB_OUT: 2.0})


def test_what_it_is_joins_the_runtime_to_the_start_time(tmp_path: Path) -> None:
    ask(
        tmp_path,
        query("Now: What it is [A]", DOCKER),
        {
            f"container_start_time_seconds{{{WEB}}}": "100x20",
            f'container_info{{{WEB},runtime="docker",image_id="sha256:1"}}': "1x20",
        },
        {
            '{instance="h1", id="/docker/aa", name="web", image="nginx", runtime="docker", '
            'image_id="sha256:1"}': 100_000
        },
    )
