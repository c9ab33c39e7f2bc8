"""Inputs of several shapes as one pod, traced: what each of them decides about a call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.facts.call import Call
from meshsim.render.json import document
from meshsim.trace import Trace
from tests.schema_check import check_trace

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def listener(name: str = "web", port: int = 8080, **manager: Any) -> dict[str, Any]:
    config = {
        "@type": HCM,
        "stat_prefix": "x",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
        **(manager or {"rds": {"route_config_name": "80", "config_source": {"ads": {}}}}),
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": config}]}
    return {"name": name, "address": address("0.0.0.0", port), "filter_chains": [chain]}


def address(ip: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": ip, "port_value": port}}


def routes(cluster: str) -> dict[str, Any]:
    match = {"match": {"prefix": "/"}, "route": {"cluster": cluster}}
    return {"name": "80", "virtual_hosts": [{"name": "any", "domains": ["*"], "routes": [match]}]}


def static(name: str, ip: str) -> dict[str, Any]:
    load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(ip, 80)}}]}]}
    return {"name": name, "type": "STATIC", "load_assignment": load}


CALL = Call(direction="inbound", destination="10.0.0.9:8080", authority="a.example")


def trace(folder: Path, call: Call, *, texts: dict[str, str] | None = None, **files: Any) -> Trace:
    paths = []
    for name, content in {**(texts or {}), **files}.items():
        paths.append(folder / name)
        paths[-1].write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    traced: Trace = meshsim.load(*paths).trace(call)
    check_trace(document(traced.report(decisions=True), depth=2))
    return traced


def test_bare_resources_in_files_of_their_own_answer_a_call(tmp_path: Path) -> None:
    traced = trace(tmp_path, CALL, a=listener(), b=routes("c"), c=static("c", "203.0.113.1"))
    assert (traced.outcome.kind, traced.outcome.destination) == ("forwarded", "203.0.113.1:80")
    (hop,) = traced.hops
    assert (hop.listener, hop.route_config, hop.cluster) == ("web", "80", "c")


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("a", "hook.no-listeners"),
        ("b", "vhost.table-not-in-dump"),
        ("c", "upstream.clusters-not-in-dump"),
    ],
)
def test_a_resource_that_is_not_among_them_is_unknown_not_absent(tmp_path: Path, missing: str, code: str) -> None:
    files = {"a": listener(), "b": routes("c"), "c": static("c", "203.0.113.1")}
    del files[missing]
    traced = trace(tmp_path, CALL, **files)
    assert traced.outcome.kind == "unknown"
    assert traced.outcome.why.code == code


def test_a_list_that_lacks_the_name_says_so(tmp_path: Path) -> None:
    traced = trace(tmp_path, CALL, a=[listener()], b=[routes("c")], c=[static("other", "203.0.113.1")])
    assert (traced.outcome.kind, traced.outcome.status) == ("replied", 503)
    assert traced.outcome.response_flags == ("NC",)


def test_a_later_file_replaces_what_it_names(tmp_path: Path) -> None:
    bootstrap = {"static_resources": {"listeners": [listener()], "clusters": [static("c", "203.0.113.1")]}}
    traced = trace(tmp_path, CALL, a=bootstrap, b=routes("c"), c=static("c", "203.0.113.2"))
    assert traced.outcome.destination == "203.0.113.2:80"


def test_a_route_configuration_replaces_an_inline_one_that_came_before(tmp_path: Path) -> None:
    inline = {"route_config": routes("c"), "stat_prefix": "x"}
    clusters = [static("c", "203.0.113.1"), static("d", "203.0.113.2")]
    config = {"listeners": [listener(**inline)], "clusters": clusters}
    traced = trace(tmp_path, CALL, a=config, b=routes("d"))
    assert traced.outcome.destination == "203.0.113.2:80"
    assert traced.hops[0].cluster == "d"
    traced = trace(tmp_path, CALL, b=routes("d"), a=config)
    assert traced.outcome.destination == "203.0.113.1:80"
    traced = trace(tmp_path, CALL, a=config, b=[routes("d"), routes("c")])
    assert traced.outcome.destination == "203.0.113.1:80"


ADMIN = "type.googleapis.com/envoy.admin.v3."
REFUSED = {"details": "no such thing", "last_update_attempt": "2025-02-17T15:17:48Z"}


def dump(route: dict[str, Any] | None = None) -> dict[str, Any]:
    def section(name: str, key: str, *entries: dict[str, Any]) -> dict[str, Any]:
        return {"@type": f"{ADMIN}{name}ConfigDump", key: list(entries)}

    active = {"active_state": {"version_info": "v/7", "listener": listener()}}
    return {
        "configs": [
            section("Listeners", "dynamic_listeners", {"name": "web", "error_state": REFUSED, **active}),
            section(
                "Routes", "dynamic_route_configs", {"error_state": REFUSED, **(route or {"route_config": routes("c")})}
            ),
            section(
                "Clusters", "dynamic_active_clusters", {"error_state": REFUSED, "cluster": static("c", "203.0.113.1")}
            ),
        ]
    }


def test_updates_that_envoy_refused_stand_at_the_hop(tmp_path: Path) -> None:
    traced = trace(tmp_path, CALL, a=dump())
    (hop,) = traced.hops
    assert hop.config_version == "v/7"
    assert [(update.code, update.fact("time")) for update in hop.rejected_updates] == [
        ("listener.update-refused", REFUSED["last_update_attempt"]),
        ("vhost.update-rejected", REFUSED["last_update_attempt"]),
        ("cluster.update-rejected", REFUSED["last_update_attempt"]),
    ]
    assert str(hop.rejected_updates[1].place).endswith("#/configs/1/dynamic_route_configs/0/error_state")


def test_a_route_configuration_that_envoy_refused_altogether_is_named_as_the_cause(tmp_path: Path) -> None:
    failed = {"error_state": {**REFUSED, "failed_configuration": routes("c")}}
    traced = trace(tmp_path, CALL, a=dump(failed))
    assert (traced.outcome.kind, traced.outcome.status) == ("replied", 404)
    why = traced.outcome.why
    assert (why.code, why.fact("error")) == ("vhost.table-missing-rejected", "no such thing")
    assert str(why.place).endswith("#/configs/1/dynamic_route_configs/0/error_state")


LINKS = [
    {"ifname": "lo", "link_type": "loopback", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}]},
    {"ifname": "eth0", "link_type": "ether", "addr_info": [{"local": "10.0.0.9", "prefixlen": 24}]},
]
SS = """\
tcp LISTEN 0 4096 0.0.0.0:8080 0.0.0.0:* users:(("envoy",pid=2,fd=3)) uid:1337 ino:1
tcp LISTEN 0 4096 0.0.0.0:7070 0.0.0.0:* users:(("envoy",pid=2,fd=4)) uid:1337 ino:2
tcp LISTEN 0 4096 0.0.0.0:9090 0.0.0.0:* users:(("python",pid=9,fd=4)) uid:1000 ino:3
"""


def test_the_address_that_ip_prints_is_the_pods_own(tmp_path: Path) -> None:
    node = {"node": {"id": "sidecar~10.9.9.9~a-1.ns~ns.svc"}, "static_resources": {}}
    for name, content in (("node", node), ("links", LINKS)):
        (tmp_path / name).write_text(json.dumps(content))
    (pod,) = meshsim.load(tmp_path / "node").pods
    assert pod.addresses == (0x0A090909,)
    (pod,) = meshsim.load(tmp_path / "node", tmp_path / "links").pods
    assert pod.addresses == (0x0A000009,)
    facts = "kind: HostFacts\naddresses: [10.0.0.7/24]\n"
    (tmp_path / "facts").write_text(facts)
    (pod,) = meshsim.load(tmp_path / "facts", tmp_path / "node", tmp_path / "links").pods
    assert pod.addresses == (0x0A000007,)


@pytest.mark.parametrize(
    ("port", "kind"), [(9090, "delivered"), (8080, "forwarded"), (7070, "refused"), (9091, "refused")]
)
def test_only_the_sockets_that_ss_prints_accept_and_envoys_are_those_of_its_configuration(
    tmp_path: Path, port: int, kind: str
) -> None:
    call = CALL.with_fields(destination=f"10.0.0.9:{port}")
    files = {"a": [listener()], "b": [routes("c")], "c": [static("c", "203.0.113.1")], "links": LINKS}
    traced = trace(tmp_path, call, texts={"ss": SS}, **files)
    assert traced.outcome.kind == kind
    assert traced.assumptions == ()
