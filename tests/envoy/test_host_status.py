"""/clusters as assignments and as health; what it cannot show stays unstated down to the transport socket."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from meshsim.address import parse_ip
from meshsim.choices import Chooser
from meshsim.config.config_dump import ProxyDocument
from meshsim.envoy.host_status import compile_cluster_status
from meshsim.mesh import Mesh
from meshsim.stages import endpoint as endpoint_stage
from meshsim.stages import tls as tls_stage
from meshsim.states import AtReturn, AtTls
from tests.builders_upstream import (
    address,
    at_endpoint,
    cluster,
    decided,
    dump,
    endpoint,
    locality,
    pod,
    static_cluster,
    tls_socket,
    view,
)

EDS = {"name": "a", "type": "EDS"}
MATCHES = [
    {
        "name": "tlsMode-istio",
        "match": {"tlsMode": "istio"},
        "transport_socket": tls_socket("out.a", tls_certificates=[{}]),
    },
    {"name": "tlsMode-disabled", "match": {}, "transport_socket": {"name": "envoy.transport_sockets.raw_buffer"}},
]


def host(text: str, *, health: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "address": address(text),
        "health_status": health or {"eds_health_status": "HEALTHY"},
        "weight": 1,
        **fields,
    }


def status(*hosts: dict[str, Any], name: str = "a") -> dict[str, Any]:
    return {"name": name, "host_statuses": list(hosts)}


def with_status(document: ProxyDocument, *statuses: dict[str, Any]) -> ProxyDocument:
    return evolve(document, cluster_statuses={each["name"]: view(each, "clusters.json") for each in statuses})


def test_hosts_are_grouped_by_locality_and_priority() -> None:
    here, there = {"region": "r", "zone": "here"}, {"region": "r", "zone": "there"}
    found = compile_cluster_status(
        view(
            status(
                host("10.0.0.1:80", locality=here, weight=3),
                host("10.0.0.2:80", locality=there, priority=1),
                host("10.0.0.3:80", locality=here),
            )
        )
    )
    assert [(each.name, each.priority, each.weight, len(each.endpoints)) for each in found.localities] == [
        ("r/here", 0, 4, 2),
        ("r/there", 1, 1, 1),
    ]
    assert all(each.locality in found.localities and not each.metadata_stated for each in found.endpoints)
    assert str(found.endpoints[0].place) == "test.json#/host_statuses/0"


@pytest.mark.parametrize(
    ("flags", "health"),
    [
        ({"eds_health_status": "HEALTHY"}, "HEALTHY"),
        ({"edsHealthStatus": "DRAINING"}, "DRAINING"),
        ({"eds_health_status": "HEALTHY", "failed_outlier_check": True}, "UNHEALTHY"),
        ({"eds_health_status": "HEALTHY", "failed_active_health_check": True}, "UNHEALTHY"),
        ({"failed_active_health_check": True, "pending_active_hc": True}, "DRAINING"),
        ({"failed_active_degraded_check": True}, "DEGRADED"),
    ],
)
def test_health_is_what_the_flags_say(flags: dict[str, Any], health: str) -> None:
    (found,) = compile_cluster_status(view(status(host("10.0.0.1:80", health=flags)))).endpoints
    assert found.health == health


def test_clusters_output_supplies_the_endpoints_that_a_dump_lacks() -> None:
    document = with_status(dump(EDS), status(host("10.0.0.1:80")))
    picked, after, chooser = decided(endpoint_stage.STAGE, at_endpoint(cluster(EDS), owner=pod(document)))
    assert isinstance(after, AtTls)
    assert picked.endpoint.name == "10.0.0.1:80"
    assert chooser.assumptions == []


def test_a_cluster_that_it_shows_without_hosts_has_none_and_one_it_does_not_show_is_unknown() -> None:
    document = with_status(dump(EDS), {"name": "a"})
    _, after, chooser = decided(endpoint_stage.STAGE, at_endpoint(cluster(EDS), owner=pod(document)))
    assert isinstance(after, AtReturn)
    assert after.ending.response_flags == ("UH",)
    assert chooser.assumptions == []
    other = with_status(dump(EDS), {"name": "b"})
    _, after, chooser = decided(endpoint_stage.STAGE, at_endpoint(cluster(EDS), owner=pod(other)))
    assert [reason.code for reason in chooser.assumptions] == ["endpoints-not-in-dump"]


def test_an_assignment_keeps_its_hosts_and_loses_those_found_unfit() -> None:
    load = {"cluster_name": "a", "endpoints": [locality("10.0.0.1:80", "10.0.0.2:80")]}
    ejected = host("10.0.0.1:80", health={"failed_outlier_check": True})
    document = with_status(dump(EDS, endpoints=[load]), status(ejected, host("10.0.0.9:80")))
    picked, _, _ = decided(endpoint_stage.STAGE, at_endpoint(cluster(EDS), owner=pod(document)))
    assert picked.endpoint.name == "10.0.0.2:80"
    assert picked.endpoint.metadata_stated
    static = static_cluster(locality("10.0.0.1:80", "10.0.0.2:80"))
    picked, _, _ = decided(endpoint_stage.STAGE, at_endpoint(cluster(static), owner=pod(document)))
    assert picked.endpoint.name == "10.0.0.2:80"


def test_a_dns_cluster_gets_its_addresses_and_keeps_the_metadata_of_its_name() -> None:
    named = endpoint("db.example:80", labels={"tlsMode": "istio"})
    dns = static_cluster(locality(named), type="STRICT_DNS", transport_socket_matches=MATCHES)
    document = with_status(dump(dns), status(host("203.0.113.7:80", hostname="db.example")))
    picked, after, _ = decided(endpoint_stage.STAGE, at_endpoint(cluster(dns), owner=pod(document)))
    assert (picked.endpoint.name, picked.endpoint.socket_metadata) == ("203.0.113.7:80", {"tlsMode": "istio"})
    socket, _, _ = decided(tls_stage.STAGE, after)
    assert socket.name == "tlsMode-istio"


def test_unweighed_localities_are_an_assumption_where_weights_count() -> None:
    weighted = {**EDS, "common_lb_config": {"locality_weighted_lb_config": {}}}
    zones = [host(f"10.0.0.{at}:80", locality={"zone": f"z{at}"}) for at in (1, 2)]
    document = with_status(dump(weighted), status(*zones))
    _, _, chooser = decided(endpoint_stage.STAGE, at_endpoint(cluster(weighted), owner=pod(document)))
    assert [reason.code for reason in chooser.assumptions] == ["endpoint.locality-weights-unstated"]


def to_tls(document: ProxyDocument, config: dict[str, Any]) -> AtTls:
    _, after, _ = decided(endpoint_stage.STAGE, at_endpoint(cluster(config), owner=pod(document)))
    assert isinstance(after, AtTls)
    return after


MATCHING = {**EDS, "transport_socket_matches": MATCHES}


def test_labels_nobody_states_are_a_choice_with_an_assumption() -> None:
    after = to_tls(with_status(dump(MATCHING), status(host("10.0.0.1:80"))), MATCHING)
    picked, _, chooser = decided(tls_stage.STAGE, after)
    assert picked.name == "tlsMode-disabled"
    assert [reason.code for reason in chooser.assumptions] == ["tls.metadata-unstated"]
    (taken,) = chooser.taken
    assert (taken.choice.site, taken.share) == ("0/matcher/tlsMode-istio", None)
    picked, _, chooser = decided(tls_stage.STAGE, after, pins={"0/matcher/tlsMode-istio": "match"})
    assert picked.name == "tlsMode-istio"
    assert chooser.assumptions == []


def test_the_label_of_the_pod_behind_the_address_stands_for_them() -> None:
    after = to_tls(with_status(dump(MATCHING), status(host("10.0.0.1:80"))), MATCHING)
    far = evolve(
        pod(dump(metadata={"LABELS": {"security.istio.io/tlsMode": "istio"}}), addresses=("10.0.0.1",)), name="far"
    )
    mesh = Mesh((far,), {})
    chooser = Chooser()
    picked, _ = tls_stage.STAGE.decide(mesh, after, chooser)
    assert picked.name == "tlsMode-istio"
    assert (chooser.taken, chooser.assumptions) == ([], [])
    decision = tls_stage.STAGE.explain(mesh, after, picked)
    assert decision.notes[-1].code == "tls.metadata-of-pod"
    assert decision.notes[-1].fact("pod") == "far"
    assert mesh.owner(parse_ip("10.0.0.1")) is far
