"""A Cluster message as a compiled cluster: discovery, balancing, binding, protocol, and what is not modelled."""

from typing import Any

import pytest

from meshsim.address import parse_ip
from meshsim.envoy.clusters import Limits, OriginalDst
from meshsim.envoy.endpoints import InternalAddress, NameAddress, PipeAddress, SocketAddress, compile_address
from meshsim.envoy.priorities import Balancing
from tests.builders_upstream import (
    address,
    assignment,
    cluster,
    endpoint,
    http_options,
    locality,
    static_cluster,
    tls_socket,
    view,
)

POLICY = "type.googleapis.com/envoy.extensions.load_balancing_policies."


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, "STATIC"),
        ({"type": "EDS"}, "EDS"),
        ({"type": 4}, "ORIGINAL_DST"),
        ({"cluster_type": {"name": "envoy.cluster.strict_dns"}}, "STRICT_DNS"),
        ({"cluster_type": {"name": "envoy.clusters.redis"}}, "envoy.clusters.redis"),
    ],
)
def test_discovery(fields: dict[str, Any], wanted: str) -> None:
    assert cluster({"name": "a", **fields}).discovery == wanted


def test_an_eds_cluster_without_a_service_name_is_called_by_its_own() -> None:
    assert cluster({"name": "a", "type": "EDS", "eds_cluster_config": {}}).service_name == "a"
    assert cluster({"name": "a", "type": "EDS", "eds_cluster_config": {"service_name": "b"}}).service_name == "b"


@pytest.mark.parametrize(
    ("common", "wanted"),
    [
        ({}, Balancing()),
        ({"healthy_panic_threshold": {}}, Balancing(panic_threshold=0)),
        ({"healthy_panic_threshold": {"value": 12.5}}, Balancing(panic_threshold=13)),
        ({"locality_weighted_lb_config": {}}, Balancing(locality_weighted=True)),
        ({"zone_aware_lb_config": {"fail_traffic_on_panic": True}}, Balancing(fail_traffic_on_panic=True)),
    ],
)
def test_common_balancing(common: dict[str, Any], wanted: Balancing) -> None:
    assert cluster({"name": "a", "common_lb_config": common}).balancing == wanted


def typed(*policies: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "policies": [
            {"typed_extension_config": {"name": kind, "typed_config": {"@type": POLICY + kind, **fields}}}
            for kind, fields in policies
        ]
    }


def test_the_first_known_typed_policy_wins_over_lb_policy() -> None:
    policy = typed(("mine.v1.Clever", {}), ("random.v3.Random", {}), ("maglev.v3.Maglev", {}))
    found = cluster({"name": "a", "lb_policy": "LEAST_REQUEST", "load_balancing_policy": policy})
    assert found.balancing.policy == "RANDOM"
    assert not found.doubts


def test_typed_policies_carry_their_locality_settings() -> None:
    round_robin: tuple[str, dict[str, Any]] = (
        "round_robin.v3.RoundRobin",
        {"locality_lb_config": {"locality_weighted_lb_config": {}}},
    )
    own = ("client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin", {})
    wrr = ("wrr_locality.v3.WrrLocality", {"endpoint_picking_policy": typed(own)})
    assert cluster({"name": "a", "load_balancing_policy": typed(round_robin)}).balancing.locality_weighted
    assert cluster({"name": "a", "load_balancing_policy": typed(wrr)}).balancing == Balancing(
        policy="CLIENT_SIDE_WEIGHTED_ROUND_ROBIN", locality_weighted=True
    )


def typed_input() -> dict[str, Any]:
    return {"name": "mine", "typed_config": {"@type": "type.googleapis.com/mine.v1.Input"}}


def test_what_can_change_the_course_is_a_doubt_and_the_rest_a_note() -> None:
    found = cluster(
        {
            "name": "a",
            "connect_timeout": "1s",
            "outlier_detection": {"interval": "1s"},
            "transport_socket_matcher": {"matcher_tree": {"input": typed_input(), "custom_match": typed_input()}},
            "load_balancing_policy": typed(("mine.v1.Clever", {})),
            "filters": [{"name": "istio.metadata_exchange"}, {"name": "mine"}],
        }
    )
    assert [reason.fact("field") for reason in found.unmodelled] == ["outlier_detection", "filters mine"]
    assert [reason.code for reason in found.doubts] == ["config.field-not-modelled", *["matcher.not-modelled"] * 2]
    assert found.doubts[0].fact("field") == "load_balancing_policy Clever"
    assert str(found.unmodelled[0].place) == "test.json#/outlier_detection"


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, OriginalDst(None, None)),
        ({"use_http_header": True}, OriginalDst("x-envoy-original-dst-host", None)),
        ({"use_http_header": True, "http_header_name": "X-To"}, OriginalDst("x-to", None)),
        ({"upstream_port_override": 81}, OriginalDst(None, 81)),
    ],
)
def test_original_dst(fields: dict[str, Any], wanted: OriginalDst) -> None:
    assert cluster({"name": "a", "type": "ORIGINAL_DST", "original_dst_lb_config": fields}).original_dst == wanted


def test_bind_addresses_and_limits() -> None:
    bind = {
        "source_address": {"address": "127.0.0.6", "port_value": 0},
        "extra_source_addresses": [{"address": {"address": "::6", "port_value": 0}}],
    }
    thresholds = [{"priority": "HIGH", "max_connections": 5}, {"max_connections": 0, "max_requests": 7}]
    found = cluster({"name": "a", "upstream_bind_config": bind, "circuit_breakers": {"thresholds": thresholds}})
    assert found.bind_addresses == (parse_ip("127.0.0.6"), parse_ip("::6"))
    assert found.limits == Limits(max_connections=0, max_requests=7)
    assert cluster({"name": "a"}).limits == Limits()


def test_istio_metadata_can_switch_the_alpn_override_off() -> None:
    assert cluster({"name": "a"}).overrides_alpn
    metadata = {"filter_metadata": {"istio": {"alpn_override": "false"}}}
    assert not cluster({"name": "a", "metadata": metadata}).overrides_alpn


@pytest.mark.parametrize(
    ("fields", "downstream", "wanted"),
    [
        ({}, "http2", ("http/1.1",)),
        ({"http2_protocol_options": {}}, "http/1.1", ("http2",)),
        ({"protocol_selection": "USE_DOWNSTREAM_PROTOCOL"}, "http2", ("http2",)),
        ({"explicit_http_config": {"http2_protocol_options": {}}}, "http/1.1", ("http2",)),
        ({"explicit_http_config": {"http_protocol_options": {}}}, "http2", ("http/1.1",)),
        ({"use_downstream_protocol_config": {"http2_protocol_options": {}}}, "http/1.1", ("http/1.1",)),
        ({"use_downstream_protocol_config": {}}, "http2", ("http2",)),
        ({"use_downstream_protocol_config": {}}, "http/1.0", ("http/1.1",)),
        ({"auto_config": {}}, "http/1.1", ("http2", "http/1.1")),
    ],
)
def test_upstream_versions(fields: dict[str, Any], downstream: str, wanted: tuple[str, ...]) -> None:
    typed_fields = {"explicit_http_config", "use_downstream_protocol_config", "auto_config"}
    if fields.keys() & typed_fields:
        fields = {"typed_extension_protocol_options": http_options(**fields), "transport_socket": tls_socket()}
    assert cluster({"name": "a", **fields}).protocol.versions(downstream) == wanted


def test_endpoints_carry_what_decides_about_them() -> None:
    labels = {"filter_metadata": {"envoy.transport_socket_match": {"tlsMode": "istio"}, "envoy.lb": {"v": "1"}}}
    found = assignment(
        locality(
            endpoint("10.0.0.1:80", hostname="one", health="DEGRADED", load_balancing_weight=3, metadata=labels),
            endpoint("[::1]:81"),
            locality={"region": "r", "zone": "z"},
            priority=2,
        )
    )
    first, second = found.endpoints
    assert (first.name, first.hostname, first.health, first.weight) == ("10.0.0.1:80", "one", "DEGRADED", 3)
    assert first.socket_metadata == {"tlsMode": "istio"} and first.lb_metadata == {"v": "1"}
    assert (second.name, second.health, second.weight) == ("[::1]:81", "UNKNOWN", 1)
    assert first.locality is second.locality and first.locality is not None
    assert (first.locality.name, first.locality.priority) == ("r/z", 2)
    assert str(second.place) == "test.json#/endpoints/0/lb_endpoints/1"


def test_an_endpoint_that_cannot_be_read_is_a_doubt_and_not_lost_in_silence() -> None:
    odd = {"endpoint": {"address": {"socket_address": {"address": "10.0.0.1", "named_port": "http"}}}}
    found = assignment(locality(odd))
    assert found.endpoints == ()
    assert [reason.fact("field") for reason in found.doubts] == ["address"]


@pytest.mark.parametrize(
    ("written", "wanted", "text"),
    [
        (address("10.0.0.1:80"), SocketAddress(parse_ip("10.0.0.1"), 80), "10.0.0.1:80"),
        (address("a.example:80"), NameAddress("a.example", 80), "a.example:80"),
        ({"pipe": {"path": "./x"}}, PipeAddress("./x"), "./x"),
        (
            {"envoy_internal_address": {"server_listener_name": "connect", "endpoint_id": "7"}},
            InternalAddress("connect", "7"),
            "envoy://connect/7",
        ),
    ],
)
def test_addresses(written: dict[str, Any], wanted: object, text: str) -> None:
    assert compile_address(view(written)) == wanted
    assert str(wanted) == text


def test_hosts_of_old_clusters_are_endpoints() -> None:
    found = cluster({"name": "a", "hosts": [address("10.0.0.1:80"), address("10.0.0.2:80")]})
    assert found.assignment is not None
    assert [each.name for each in found.assignment.endpoints] == ["10.0.0.1:80", "10.0.0.2:80"]


def test_camel_case_reads_the_same() -> None:
    snake = cluster(static_cluster(locality(endpoint("10.0.0.1:80", health="DRAINING"))))
    load = {"lbEndpoints": [{"endpoint": {"address": CAMEL}, "healthStatus": "DRAINING"}]}
    camel = cluster({"name": "a", "loadAssignment": {"clusterName": "a", "endpoints": [load]}})
    assert snake.assignment is not None and camel.assignment is not None
    assert [(each.name, each.health) for each in snake.assignment.endpoints] == [
        (each.name, each.health) for each in camel.assignment.endpoints
    ]


CAMEL = {"socketAddress": {"address": "10.0.0.1", "portValue": 80}}
