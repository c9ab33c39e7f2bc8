"""/clusters of a real Envoy, read as the hosts that Envoy knows and their health."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshsim.config.capture import load_capture
from meshsim.envoy.endpoints import Assignment
from meshsim.envoy.proxy import Proxy
from tests.realism import envoy_process
from tests.realism.namespaces import Namespace, network

pytestmark = pytest.mark.real

ADMIN_PORT = 15000
FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def endpoint(port: int, host: str = "127.0.0.1", **fields: Any) -> dict[str, Any]:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}, **fields}


def cluster(name: str, *localities: dict[str, Any], kind: str = "STATIC", **fields: Any) -> dict[str, Any]:
    load = {"cluster_name": name, "endpoints": list(localities)}
    return {"name": name, "type": kind, "connect_timeout": "0.2s", "load_assignment": load, **fields}


CHECK = {
    "timeout": "0.2s",
    "interval": "0.1s",
    "no_traffic_interval": "0.1s",
    "unhealthy_threshold": 1,
    "healthy_threshold": 1,
    "tcp_health_check": {},
}
HERE, THERE = {"region": "r", "zone": "here"}, {"region": "r", "zone": "there", "sub_zone": "s"}
CLUSTERS = (
    cluster(
        "plain",
        {"locality": HERE, "lb_endpoints": [endpoint(9001, load_balancing_weight=3), endpoint(9002)]},
        {"locality": THERE, "priority": 1, "lb_endpoints": [endpoint(9003, health_status="DEGRADED")]},
        {"locality": HERE, "priority": 1, "lb_endpoints": [endpoint(9004, health_status="UNHEALTHY")]},
    ),
    cluster("checked", {"lb_endpoints": [endpoint(9)]}, health_checks=[CHECK]),
    cluster("named", {"lb_endpoints": [endpoint(9005, "localhost")]}, kind="STRICT_DNS", dns_lookup_family="V4_ONLY"),
    cluster("empty"),
)


@pytest.fixture(scope="module")
def pod() -> Iterator[Namespace]:
    admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN_PORT}}}
    bootstrap = {"node": {"id": "n", "cluster": "c"}, "admin": admin, "static_resources": {"clusters": list(CLUSTERS)}}
    # Not pytest's own folder: Envoy runs under another uid, to which that one is closed.
    with tempfile.TemporaryDirectory(prefix="meshsim-") as above, network("10.80.3.110") as made:
        folder = Path(above) / "envoy"
        folder.mkdir()
        with envoy_process.running(made.pod, bootstrap, folder, folder / "access.jsonl"):
            yield made.pod


def fetch(pod: Namespace, path: str) -> str:
    return pod.run(sys.executable, "-c", FETCH, f"http://127.0.0.1:{ADMIN_PORT}/{path}")


@pytest.fixture(scope="module")
def proxies(pod: Namespace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Proxy, Proxy]:
    """From /clusters alone, and from the dump with /clusters beside it."""
    folder = tmp_path_factory.mktemp("capture")
    statuses = fetch(pod, "clusters?format=json")
    for _ in range(50):
        if "failed_active_health_check" in statuses and '"localhost"' in statuses:
            break
        time.sleep(0.1)
        statuses = fetch(pod, "clusters?format=json")
    (folder / "clusters").write_text(statuses)
    (folder / "dump").write_text(fetch(pod, "config_dump?include_eds"))
    return proxy(folder / "clusters"), proxy(folder / "clusters", folder / "dump")


def proxy(*paths: Path) -> Proxy:
    (found,) = load_capture([str(path) for path in paths])
    assert found.proxy is not None
    return Proxy(found.proxy, found.proxy.node_id)


def told(assignment: Assignment | None) -> set[tuple[str, int, str, str, int]]:
    assert assignment is not None
    return {
        (locality.name, locality.priority, each.name, each.health, each.weight)
        for locality in assignment.localities
        for each in locality.endpoints
    }


def test_hosts_with_their_places_weights_and_stated_health(proxies: tuple[Proxy, Proxy]) -> None:
    assert told(proxies[0].assignment("plain")) == {
        ("r/here", 0, "127.0.0.1:9001", "HEALTHY", 3),
        ("r/here", 0, "127.0.0.1:9002", "HEALTHY", 1),
        ("r/there/s", 1, "127.0.0.1:9003", "DEGRADED", 1),
        ("r/here", 1, "127.0.0.1:9004", "UNHEALTHY", 1),
    }


def test_a_host_whose_check_fails(proxies: tuple[Proxy, Proxy]) -> None:
    for each in proxies:
        assert told(each.assignment("checked")) == {("", 0, "127.0.0.1:9", "UNHEALTHY", 1)}


def test_the_address_of_a_name(proxies: tuple[Proxy, Proxy]) -> None:
    found = proxies[0].assignment("named")
    assert told(found) == {("", 0, "127.0.0.1:9005", "HEALTHY", 1)}
    assert found is not None
    assert [each.hostname for each in found.endpoints] == ["localhost"]


def test_a_cluster_without_hosts_is_there_and_empty(proxies: tuple[Proxy, Proxy]) -> None:
    assert told(proxies[0].assignment("empty")) == set()
    assert proxies[0].assignment("no such cluster") is None


def test_beside_the_dump_the_hosts_are_those_of_the_dump(proxies: tuple[Proxy, Proxy]) -> None:
    alone, beside = (each.assignment("plain") for each in proxies)
    assert beside is not None
    assert {row[2:4] for row in told(alone)} == {row[2:4] for row in told(beside)}
    assert all(each.metadata_stated for each in beside.endpoints)
